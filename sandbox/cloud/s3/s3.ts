import { HeadBucketCommand, HeadObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { readPolicy, type Policy } from "../iam/policy.ts";
import { refusal } from "../iam/refusal.ts";
import { ACCOUNT, type Call, type Handlers } from "../service.ts";
import type { Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import type { AwsRequest } from "../wire/request.ts";

export type S3 = ReturnType<typeof s3>;

/** Bucket policies are kept and judged here (the emulator ignores their conditions); objects are the emulator's. */
export function s3(moto: S3Client, forward: (call: Call) => Promise<Answer>) {
  const policies = new Map<string, { text: string; policy: Policy }>();
  const queues = new Map<string, Promise<unknown>>();

  /** Conditional writes of one key come one after the other, or two could both be the first. */
  async function inTurn<T>(key: string, act: () => Promise<T>): Promise<T> {
    const before = queues.get(key) ?? Promise.resolve();
    const mine = before.then(act, act);
    queues.set(key, mine);
    try {
      return await mine;
    } finally {
      if (queues.get(key) === mine) queues.delete(key);
    }
  }

  async function mustExist(bucket: string): Promise<void> {
    try {
      await moto.send(new HeadBucketCommand({ Bucket: bucket }));
    } catch {
      throw new AwsError("NoSuchBucket", "The specified bucket does not exist", 404);
    }
  }

  async function etag(bucket: string, key: string): Promise<string | undefined> {
    try {
      return (await moto.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).ETag;
    } catch (error) {
      if (error instanceof Error && (error.name === "NotFound" || error.name === "NoSuchKey"))
        return undefined;
      throw error;
    }
  }

  async function put(call: Call): Promise<Answer> {
    const { bucket = "", key = "", headers } = call.request;
    const ifNoneMatch = headers["if-none-match"];
    const ifMatch = headers["if-match"];
    if (ifNoneMatch === undefined && ifMatch === undefined) return forward(call);
    if (ifNoneMatch !== undefined && ifNoneMatch !== "*")
      throw new AwsError("NotImplemented", "If-None-Match takes * only when an object is written", 501);
    return inTurn(`${bucket}/${key}`, async () => {
      await mustExist(bucket);
      const present = await etag(bucket, key);
      if (ifMatch !== undefined && present === undefined)
        throw new AwsError("NoSuchKey", "The specified key does not exist.", 404);
      if (ifMatch === undefined ? present !== undefined : present !== ifMatch)
        throw new AwsError(
          "PreconditionFailed",
          "At least one of the pre-conditions you specified did not hold",
          412,
        );
      return forward(call);
    });
  }

  const handlers: Handlers = {
    async PutBucketPolicy({ request }) {
      await mustExist(request.bucket ?? "");
      const text = request.body.toString("utf8");
      const policy = readPolicy(text);
      if (policy === undefined) throw new AwsError("MalformedPolicy", "Policies must be valid JSON");
      policies.set(request.bucket ?? "", { text, policy });
      return { status: 204, headers: {}, body: "" };
    },
    async GetBucketPolicy({ request }) {
      await mustExist(request.bucket ?? "");
      const found = policies.get(request.bucket ?? "");
      if (found === undefined)
        throw new AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404);
      return { status: 200, headers: { "content-type": "application/json" }, body: found.text };
    },
    async DeleteBucketPolicy({ request }) {
      await mustExist(request.bucket ?? "");
      policies.delete(request.bucket ?? "");
      return { status: 204, headers: {}, body: "" };
    },
    async DeleteBucket(call) {
      const answer = await forward(call);
      if (answer.status < 300) policies.delete(call.request.bucket ?? "");
      return answer;
    },
    PutObject: put,
    CompleteMultipartUpload: put,
    GetObject: hiding,
    HeadObject: hiding,
  };

  /** Who may not list learns from a missing key only that access is denied. */
  async function hiding(call: Call): Promise<Answer> {
    const answer = await forward(call);
    if (answer.status !== 404) return answer;
    const question = { action: "s3:ListBucket", resource: `arn:aws:s3:::${call.request.bucket ?? ""}` };
    const listing = await call.decide(question);
    if (listing.outcome === "allow") return answer;
    throw refusal("s3", call.principal, question, listing);
  }

  return {
    handlers,
    policy: (bucket: string): Policy | undefined => {
      const found = policies.get(bucket);
      return found && { ...found.policy, name: `bucket/${bucket}` };
    },
    /** Refuses what names another owner of the bucket than its own. */
    checkOwner({ headers }: AwsRequest): void {
      const expected = headers["x-amz-expected-bucket-owner"];
      if (expected !== undefined && expected !== ACCOUNT)
        throw new AwsError("AccessDenied", "Access Denied", 403);
    },
  };
}
