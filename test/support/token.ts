const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token as HTCondor writes it into a file, but for the signature, which nobody here can check. */
export function token(claims: Readonly<Record<string, unknown>> = {}, kid = "POOL"): string {
  const payload = {
    sub: "annex-burst@pool.test",
    iss: "pool.test",
    jti: "0123456789abcdef",
    scope: "condor:/ADVERTISE_STARTD condor:/ADVERTISE_MASTER",
    iat: 1_899_990_000,
    exp: 1_902_592_000,
    ...claims,
  };
  return `${encode({ alg: "HS256", kid })}.${encode(payload)}.${Buffer.alloc(32, 7).toString("base64url")}\n`;
}
