import type { Question } from "../service.ts";
import type { AwsRequest } from "../wire/request.ts";

/** Where IAM's name of an action is not the API's. */
const NAMES: Record<string, string> = {
  HeadObject: "GetObject",
  CopyObject: "PutObject",
  CreateMultipartUpload: "PutObject",
  UploadPart: "PutObject",
  CompleteMultipartUpload: "PutObject",
  ListParts: "ListMultipartUploadParts",
  ListObjects: "ListBucket",
  ListObjectsV2: "ListBucket",
  HeadBucket: "ListBucket",
  ListObjectVersions: "ListBucketVersions",
  ListMultipartUploads: "ListBucketMultipartUploads",
  ListBuckets: "ListAllMyBuckets",
  DeleteObjects: "DeleteObject",
  PutPublicAccessBlock: "PutBucketPublicAccessBlock",
  GetPublicAccessBlock: "GetBucketPublicAccessBlock",
  DeletePublicAccessBlock: "PutBucketPublicAccessBlock",
  PutBucketEncryption: "PutEncryptionConfiguration",
  GetBucketEncryption: "GetEncryptionConfiguration",
  DeleteBucketEncryption: "PutEncryptionConfiguration",
  PutBucketLifecycleConfiguration: "PutLifecycleConfiguration",
  GetBucketLifecycleConfiguration: "GetLifecycleConfiguration",
  DeleteBucketLifecycleConfiguration: "PutLifecycleConfiguration",
  DeleteBucketOwnershipControls: "PutBucketOwnershipControls",
};

/** With a version's id these are actions of their own. */
const VERSIONED = new Set(["GetObject", "HeadObject", "DeleteObject"]);

export function s3Questions(request: AwsRequest): Question[] {
  const { action, bucket, key, headers } = request;
  const version = request.url.searchParams.has("versionId");
  const named = `s3:${NAMES[action] ?? action}${version && VERSIONED.has(action) ? "Version" : ""}`;
  if (bucket === undefined) return [{ action: named, resource: "*" }];
  const bucketArn = `arn:aws:s3:::${bucket}`;
  if (action === "DeleteObjects")
    return deletedKeys(request.body).map(({ key: one, versioned }) => ({
      action: versioned ? "s3:DeleteObjectVersion" : named,
      resource: `${bucketArn}/${one}`,
    }));
  if (key !== undefined && key !== "") {
    const write = {
      action: named,
      resource: `${bucketArn}/${key}`,
      keys: {
        "s3:if-none-match": header(headers["if-none-match"]),
        "s3:if-match": header(headers["if-match"]),
      },
    };
    const source = header(headers["x-amz-copy-source"]);
    return action === "CopyObject" && source !== undefined
      ? [
          write,
          {
            action: "s3:GetObject",
            resource: `arn:aws:s3:::${decodeURIComponent(source).replace(/^\//, "")}`,
          },
        ]
      : [write];
  }
  const query = request.url.searchParams;
  const listing = named === "s3:ListBucket" || named === "s3:ListBucketVersions";
  return [
    {
      action: named,
      resource: bucketArn,
      keys: listing
        ? {
            "s3:prefix": query.get("prefix") ?? undefined,
            "s3:delimiter": query.get("delimiter") ?? undefined,
            "s3:max-keys": query.get("max-keys") ?? undefined,
          }
        : {},
    },
  ];
}

function deletedKeys(body: Buffer): { key: string; versioned: boolean }[] {
  return [...body.toString("utf8").matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, object = ""]) => ({
    versioned: object.includes("<VersionId>"),
    key: (/<Key>([^<]*)<\/Key>/.exec(object)?.[1] ?? "")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&amp;", "&"),
  }));
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
