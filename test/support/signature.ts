import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";

export type Secret = { accessKeyId: string; secretAccessKey: string; sessionToken: string };

/** Whether a request to S3 is signed (version 4, in its headers) with these credentials, as AWS checks it. */
export function signed(request: IncomingMessage, secret: Secret): boolean {
  const authorization = request.headers.authorization ?? "";
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/s3\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (match === null || request.headers["x-amz-security-token"] !== secret.sessionToken) return false;
  const [, id = "", day = "", region = "", names = "", signature = ""] = match;
  if (id !== secret.accessKeyId || !names.split(";").includes("x-amz-security-token")) return false;
  const url = new URL(request.url ?? "/", "http://s3");
  const query = [...url.searchParams]
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .sort()
    .join("&");
  const headers = names.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [
    request.method,
    url.pathname,
    query,
    headers.join(""),
    names,
    request.headers["x-amz-content-sha256"],
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = [
    "AWS4-HMAC-SHA256",
    request.headers["x-amz-date"],
    scope,
    createHash("sha256").update(canonical).digest("hex"),
  ].join("\n");
  const hmac = (key: string | Buffer, data: string): Buffer =>
    createHmac("sha256", key).update(data).digest();
  const key = hmac(hmac(hmac(hmac(`AWS4${secret.secretAccessKey}`, day), region), "s3"), "aws4_request");
  return hmac(key, text).toString("hex") === signature;
}
