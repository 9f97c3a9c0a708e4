import type { HttpRequest } from "./request.ts";

type Operation = { action: string; bucket?: string; key?: string };

const BUCKET_SUBRESOURCES: Record<string, string> = {
  policy: "BucketPolicy",
  publicAccessBlock: "PublicAccessBlock",
  ownershipControls: "BucketOwnershipControls",
  encryption: "BucketEncryption",
  lifecycle: "BucketLifecycleConfiguration",
  versioning: "BucketVersioning",
  tagging: "BucketTagging",
  acl: "BucketAcl",
  location: "BucketLocation",
  policyStatus: "BucketPolicyStatus",
};
const VERBS: Record<string, string> = {
  GET: "Get",
  PUT: "Put",
  DELETE: "Delete",
  HEAD: "Head",
  POST: "Post",
};

/** Bucket and key by path or by virtual host, and the API's name of what is asked. */
export function s3Operation(http: HttpRequest): Operation {
  const { bucket, key } = place(http);
  const query = http.url.searchParams;
  const { method } = http;
  if (bucket === undefined) return { action: "ListBuckets" };
  if (key === undefined || key === "") return { action: bucketAction(method, query), bucket };
  return { action: objectAction(http, query), bucket, key };
}

function bucketAction(method: string, query: URLSearchParams): string {
  for (const [name, resource] of Object.entries(BUCKET_SUBRESOURCES))
    if (query.has(name)) return `${VERBS[method] ?? method}${resource}`;
  if (method === "POST" && query.has("delete")) return "DeleteObjects";
  if (method === "GET" && query.has("versions")) return "ListObjectVersions";
  if (method === "GET" && query.has("uploads")) return "ListMultipartUploads";
  if (method === "GET") return query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects";
  return { PUT: "CreateBucket", DELETE: "DeleteBucket", HEAD: "HeadBucket" }[method] ?? method;
}

function objectAction(http: HttpRequest, query: URLSearchParams): string {
  const { method, headers } = http;
  if (query.has("tagging")) return `${VERBS[method] ?? method}ObjectTagging`;
  if (query.has("uploads")) return "CreateMultipartUpload";
  if (query.has("uploadId"))
    return (
      {
        PUT: "UploadPart",
        POST: "CompleteMultipartUpload",
        DELETE: "AbortMultipartUpload",
        GET: "ListParts",
      }[method] ?? method
    );
  if (method === "PUT" && headers["x-amz-copy-source"] !== undefined) return "CopyObject";
  return `${VERBS[method] ?? method}Object`;
}

function place(http: HttpRequest): { bucket?: string; key?: string } {
  const host = String(http.headers.host ?? "").replace(/:\d+$/, "");
  const path = decodePath(http.url.pathname);
  const virtual = /^(.+)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/.exec(host)?.[1];
  if (virtual !== undefined) return { bucket: virtual, key: path.slice(1) };
  const [, bucket, ...key] = path.split("/");
  return bucket === undefined || bucket === "" ? {} : { bucket, key: key.join("/") };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
