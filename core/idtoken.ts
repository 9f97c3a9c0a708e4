import type { UnixTime } from "./time.ts";

/** What an IDTOKEN says of itself. Whether it was signed by the pool's key, only the pool's daemons can tell. */
export type Idtoken = {
  /** `sub`: who its holder is to the pool. */
  readonly identity: string;
  /** `iss`: the trust domain whose key signed it. */
  readonly issuer: string;
  /** Name of the signing key; POOL unless another was chosen. */
  readonly keyId: string;
  /** Levels of authorization without the prefix `condor:/`; empty for a token that is good for all of them. */
  readonly scopes: readonly string[];
  readonly issuedAt: UnixTime;
  /** Undefined for one that never ends. */
  readonly expires: UnixTime | undefined;
  /** `jti`: by it one single token can be revoked. */
  readonly id: string;
};

const PART = /^[A-Za-z0-9_-]{2,8192}$/;

/** The one token that a file of HTCondor's tokens.d holds; a string is what is wrong with it. It never repeats the token. */
export function parseIdtoken(text: string): Idtoken | string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const [line] = lines;
  if (line === undefined) return "it is empty";
  if (lines.length > 1) return "it holds more than one line";
  const parts = line.trim().split(".");
  const [header, payload] = parts.slice(0, 2).map(readPart);
  if (parts.length !== 3 || !PART.test(parts[2] ?? "") || header === undefined || payload === undefined)
    return "it is no JSON web token";
  const { sub, iss, jti, scope, iat, exp } = payload;
  if (typeof sub !== "string" || typeof iss !== "string") return "it names no subject or no issuer";
  if (typeof iat !== "number" || (exp !== undefined && typeof exp !== "number"))
    return "its times are no numbers";
  return {
    identity: sub,
    issuer: iss,
    keyId: typeof header["kid"] === "string" ? header["kid"] : "",
    scopes: typeof scope === "string" ? scope.split(" ").map((one) => one.replace(/^condor:\//, "")) : [],
    issuedAt: iat,
    expires: exp,
    id: typeof jti === "string" ? jti : "",
  };
}

function readPart(part: string): Record<string, unknown> | undefined {
  if (!PART.test(part)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
      character.charCodeAt(0),
    );
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
