import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getEndpointFromInstructions } from "@smithy/core/endpoints";
import type { Storage, StoredObject } from "../core/ports.ts";
import { awsClient, lazyAwsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError, headError, isAbsent } from "./aws-errors.ts";

const DELETIONS_AT_ONCE = 8;

/** The endpoint of S3 that the environment or ~/.aws/config names in place of the region's own, as with a VPC interface endpoint. */
export async function configuredEndpoint(region: string): Promise<string | undefined> {
  const { config } = awsClient(S3Client, region);
  // What the shared configuration says is known to the client only once it has resolved an endpoint.
  await getEndpointFromInstructions({ Bucket: "bucket", Key: "key" }, GetObjectCommand, config);
  if (!config.isCustomEndpoint || config.endpoint === undefined) return undefined;
  const { protocol, hostname, port, path } = await config.endpoint();
  return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}`.replace(/\/$/, "");
}

/** One bucket. Every call names the account that must own it, so that a bucket of that name elsewhere is refused. */
export function s3(
  region: string,
  bucket: string,
  account: string,
  options: AwsClientOptions = { requestTimeoutSeconds: 300 },
): Storage {
  const client = lazyAwsClient(S3Client, region, options);
  const place = { Bucket: bucket, ExpectedBucketOwner: account };
  const where = (key: string): string => `s3://${bucket}/${key}`;

  async function list(prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client()
        .send(
          new ListObjectsV2Command({
            ...place,
            Prefix: prefix,
            ...(ContinuationToken && { ContinuationToken }),
          }),
        )
        .catch((error: unknown) => {
          // A bucket that somebody has deleted holds nothing.
          if (awsCode(error) === "NoSuchBucket") return undefined;
          throw awsError(error, `list ${where(prefix)}`);
        });
      for (const object of page?.Contents ?? []) {
        if (object.Key !== undefined) {
          found.push({ key: object.Key, modified: (object.LastModified?.getTime() ?? 0) / 1000 });
        }
      }
      ContinuationToken = page?.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    return found;
  }

  return {
    list,
    async get(key) {
      try {
        const answer = await client().send(new GetObjectCommand({ ...place, Key: key }));
        return await answer.Body?.transformToByteArray();
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw awsError(error, `read ${where(key)}`);
      }
    },
    async has(key) {
      try {
        await client().send(new HeadObjectCommand({ ...place, Key: key }));
        return true;
      } catch (error) {
        if (isAbsent(error)) return false;
        throw headError(error, `look at ${where(key)}`, "s3:GetObject or s3:ListBucket");
      }
    },
    async put(key, bytes) {
      try {
        await client().send(new PutObjectCommand({ ...place, Key: key, Body: bytes }));
      } catch (error) {
        throw awsError(error, `write ${where(key)}`);
      }
    },
    async putIfAbsent(key, bytes) {
      for (let attempt = 1; ; attempt++) {
        try {
          await client().send(new PutObjectCommand({ ...place, Key: key, Body: bytes, IfNoneMatch: "*" }));
          return true;
        } catch (error) {
          if (awsCode(error) === "PreconditionFailed") return false;
          // 409: another conditional write to the key was under way; S3 asks for the call to be repeated.
          if (awsCode(error) === "ConditionalRequestConflict" && attempt < 5) continue;
          throw awsError(error, `write ${where(key)}`);
        }
      }
    },
    async remove(keys) {
      for (let start = 0; start < keys.length; start += DELETIONS_AT_ONCE) {
        await Promise.all(
          keys.slice(start, start + DELETIONS_AT_ONCE).map((key) =>
            client()
              .send(new DeleteObjectCommand({ ...place, Key: key }))
              .catch((error: unknown) => {
                throw awsError(error, `delete ${where(key)}`);
              }),
          ),
        );
      }
    },
  };
}
