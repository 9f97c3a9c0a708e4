import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  S3Client,
  type ObjectIdentifier,
} from "@aws-sdk/client-s3";
import { UpdraftError } from "../core/errors.ts";
import type { Bucket } from "../core/ports.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsError, headError, isAbsent } from "./aws-errors.ts";

/** A bucket as a whole. As with its objects, every call names the account that must own it. */
export function bucket(
  region: string,
  name: string,
  account: string,
  options: AwsClientOptions = {},
): Bucket {
  const client = awsClient(S3Client, region, options);
  const place = { Bucket: name, ExpectedBucketOwner: account };

  /** Always the first page: what it names is removed before the next is asked for. */
  async function emptyOfObjects(): Promise<number> {
    for (let count = 0; ;) {
      const page = await client.send(new ListObjectVersionsCommand(place));
      const Objects: ObjectIdentifier[] = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(
        ({ Key, VersionId }) => ({ Key, VersionId }),
      );
      if (Objects.length === 0) return count;
      const { Errors = [] } = await client.send(
        new DeleteObjectsCommand({ ...place, Delete: { Objects, Quiet: true } }),
      );
      const [first] = Errors;
      if (first !== undefined) {
        throw new UpdraftError(
          first.Code === "AccessDenied" ? "denied" : "failed",
          `could not remove ${Errors.length} objects, the first s3://${name}/${first.Key ?? ""}: ${first.Code ?? ""}: ${first.Message ?? ""}`,
          "Run the same command again; if it fails the same way, this is what S3 objects to.",
        );
      }
      count += Objects.length;
    }
  }

  async function emptyOfUploads(): Promise<number> {
    for (let count = 0; ;) {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand(place));
      if (Uploads.length === 0) return count;
      for (const { Key, UploadId } of Uploads)
        await client.send(new AbortMultipartUploadCommand({ ...place, Key, UploadId }));
      count += Uploads.length;
    }
  }

  return {
    async exists() {
      try {
        await client.send(new HeadBucketCommand(place));
        return true;
      } catch (error) {
        if (isAbsent(error)) return false;
        throw headError(error, `look for the bucket ${name}`, "s3:ListBucket");
      }
    },
    async empty() {
      try {
        return (await emptyOfObjects()) + (await emptyOfUploads());
      } catch (error) {
        if (isAbsent(error)) return 0;
        throw awsError(error, `empty the bucket ${name}`);
      }
    },
  };
}
