import type { IncomingHttpHeaders } from "node:http";

/** A body sent in signed or trailed chunks, put together again: the emulator takes minutes over a large one. */
export function unchunked(
  headers: IncomingHttpHeaders,
  body: Buffer,
): { headers: IncomingHttpHeaders; body: Buffer } {
  if (!String(headers["x-amz-content-sha256"] ?? "").startsWith("STREAMING-")) return { headers, body };
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.toString("latin1", at, end < 0 ? at : end), 16);
    if (Number.isNaN(size)) throw new Error("a chunk of the body has no size");
    if (size === 0) break;
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  const plain: IncomingHttpHeaders = { ...headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
  for (const name of ["x-amz-trailer", "x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm"])
    delete plain[name];
  const encoding = String(headers["content-encoding"] ?? "").replace(/(^|,\s*)aws-chunked(,\s*|$)/, "");
  if (encoding === "") delete plain["content-encoding"];
  else plain["content-encoding"] = encoding;
  return { headers: plain, body: Buffer.concat(parts) };
}
