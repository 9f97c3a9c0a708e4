import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** What a request says of its signer: from the Authorization header, or a presigned URL's query. */
export type Signature = {
  accessKeyId: string;
  date: string;
  region: string;
  /** As in the credential scope, for example `monitoring` for CloudWatch. */
  service: string;
  signedHeaders: string[];
  signature: string;
  sessionToken: string | undefined;
  timestamp: string;
  presigned: boolean;
};

type Signed = { method: string; url: URL; rawPath: string; headers: IncomingHttpHeaders; body: Buffer };

export function readSignature(url: URL, headers: IncomingHttpHeaders): Signature | undefined {
  const header = headers.authorization;
  if (header?.startsWith("AWS4-HMAC-SHA256") === true) {
    const field = (name: string): string => new RegExp(`${name}=([^,\\s]+)`).exec(header)?.[1] ?? "";
    return signature(field("Credential"), field("SignedHeaders"), field("Signature"), {
      sessionToken: single(headers["x-amz-security-token"]),
      timestamp: single(headers["x-amz-date"]) ?? "",
      presigned: false,
    });
  }
  const query = url.searchParams;
  const credential = query.get("X-Amz-Credential");
  if (credential === null) return undefined;
  return signature(credential, query.get("X-Amz-SignedHeaders") ?? "", query.get("X-Amz-Signature") ?? "", {
    sessionToken: query.get("X-Amz-Security-Token") ?? undefined,
    timestamp: query.get("X-Amz-Date") ?? "",
    presigned: true,
  });
}

function signature(
  credential: string,
  signedHeaders: string,
  value: string,
  rest: Pick<Signature, "sessionToken" | "timestamp" | "presigned">,
): Signature | undefined {
  const [accessKeyId, date, region, service] = credential.split("/");
  if (accessKeyId === undefined || date === undefined || region === undefined || service === undefined)
    return undefined;
  return {
    accessKeyId,
    date,
    region,
    service,
    signedHeaders: signedHeaders.split(";"),
    signature: value,
    ...rest,
  };
}

/** True when the request was signed with this secret: a signer of our own is proven by it. */
export function verifies(signed: Signed, claim: Signature, secretAccessKey: string): boolean {
  const canonical = [
    signed.method,
    canonicalPath(signed.rawPath, claim.service),
    canonicalQuery(signed.url.search),
    ...claim.signedHeaders.map((name) => `${name}:${header(signed.headers, name)}`),
    "",
    claim.signedHeaders.join(";"),
    payloadHash(signed, claim),
  ].join("\n");
  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${claim.timestamp}\n${scope}\n${sha256(canonical)}`;
  let key: Buffer | string = `AWS4${secretAccessKey}`;
  for (const part of [claim.date, claim.region, claim.service, "aws4_request"]) key = hmac(key, part);
  const expected = hmac(key, toSign).toString("hex");
  return (
    expected.length === claim.signature.length &&
    timingSafeEqual(Buffer.from(expected), Buffer.from(claim.signature))
  );
}

function payloadHash(signed: Signed, claim: Signature): string {
  if (claim.presigned) return "UNSIGNED-PAYLOAD";
  const claimed = single(signed.headers["x-amz-content-sha256"]);
  if (claimed !== undefined && /^(UNSIGNED-PAYLOAD|STREAMING-)/.test(claimed)) return claimed;
  return sha256(signed.body);
}

function canonicalPath(rawPath: string, service: string): string {
  return service === "s3" ? rawPath : rawPath.split("/").map(encode).join("/");
}

function canonicalQuery(search: string): string {
  return search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "" && !pair.startsWith("X-Amz-Signature="))
    .map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return `${encode(decode(name))}=${encode(decode(value.join("=")))}`;
    })
    .sort()
    .join("&");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function encode(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(",") : (value ?? "")).trim().replace(/\s+/g, " ");
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function hmac(key: string | Buffer, content: string): Buffer {
  return createHmac("sha256", key).update(content).digest();
}
