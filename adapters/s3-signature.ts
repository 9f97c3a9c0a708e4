import { createHash, createHmac } from "node:crypto";
import type { UnixTime } from "../core/time.ts";
import type { RoleCredentials } from "./imds.ts";

/** One request to S3 without a query. */
export type S3Request = {
  readonly method: "GET" | "PUT";
  /** Its path is encoded as S3 wants it, by `objectPath`. */
  readonly url: URL;
  readonly region: string;
  readonly body: string;
};

/** A key as it stands in a path: everything but RFC 3986's unreserved characters is encoded, slashes stay. */
export const objectPath = (key: string): string =>
  encodeURIComponent(key)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%2F", "/");

/** The headers that sign it with temporary credentials, by AWS Signature Version 4. */
export function s3Signature(
  { method, url, region, body }: S3Request,
  { accessKeyId, secretAccessKey, sessionToken }: RoleCredentials,
  at: UnixTime,
): Record<string, string> {
  const time = new Date(at * 1000).toISOString().replace(/[:-]|\.\d+/g, "");
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/s3/aws4_request`;
  const bodySha256 = sha256(body);
  // In the order of their names, which the signature wants.
  const headers = {
    host: url.host,
    "x-amz-content-sha256": bodySha256,
    "x-amz-date": time,
    "x-amz-security-token": sessionToken,
  };
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  const canonical = [method, url.pathname, "", ...lines, "", names, bodySha256].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of [date, region, "s3", "aws4_request"]) key = hmac(key, part);
  const signature = hmac(key, toSign).toString("hex");
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
