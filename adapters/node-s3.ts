import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { awsClient } from "./aws-client.ts";
import type { RoleCredentials } from "./imds.ts";

/** The little that a node does with the account's bucket. */
export type NodeStorage = {
  /** Throws when the object is absent or forbidden, which S3 tells apart only for those who may list. */
  get(key: string, maxBytes: number): Promise<Uint8Array>;
  put(key: string, text: string): Promise<void>;
};

export type NodeStorageOptions = {
  readonly region: string;
  readonly bucket: string;
  readonly credentials: () => Promise<RoleCredentials>;
  readonly endpoint?: string;
};

const REQUEST_SECONDS = 20;

export function nodeS3({ region, bucket, credentials, endpoint }: NodeStorageOptions): NodeStorage {
  const client = awsClient(S3Client, region, {
    credentials,
    // The boot has its own back-off, which names what failed.
    maxAttempts: 1,
    requestTimeoutSeconds: REQUEST_SECONDS,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
  });
  const refused = (verb: string, key: string, error: unknown): UpdraftError => {
    const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
    // Without an answer the name tells nothing; what went wrong is in the message.
    const answer =
      $metadata?.httpStatusCode === undefined
        ? messageOf(error)
        : `${name ?? "an error"} (status ${$metadata.httpStatusCode})`;
    return new UpdraftError(
      "failed",
      `S3 does not let the node ${verb} s3://${bucket}/${key}: ${answer}`,
      "Run updraft setup --annex and updraft create again; the annex's role must be able to reach the bucket.",
      error,
    );
  };

  return {
    async get(key, maxBytes) {
      try {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        const bytes = await readAtMost(answer.Body as AsyncIterable<Uint8Array> | undefined, maxBytes);
        if (bytes !== undefined) return bytes;
      } catch (error) {
        throw refused("read", key, error);
      }
      throw new UpdraftError(
        "failed",
        `s3://${bucket}/${key} is larger than ${maxBytes} bytes`,
        "Run updraft create again, which writes the annex's objects anew.",
      );
    },
    async put(key, text) {
      try {
        await client.send(
          new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: "application/json" }),
        );
      } catch (error) {
        throw refused("write", key, error);
      }
    },
  };
}

/** All of a body, or undefined as soon as it is longer, whatever its headers have said. */
async function readAtMost(
  body: AsyncIterable<Uint8Array> | undefined,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
