import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { partitionOf } from "../core/partition.ts";
import type { UnixTime } from "../core/time.ts";
import { connection } from "./aws-connection.ts";
import type { RoleCredentials } from "./imds.ts";
import { objectPath, s3Signature, type S3Request } from "./s3-signature.ts";

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
  /** For the signature, which S3 refuses when it is a quarter of an hour old or not of this time. */
  readonly now: () => UnixTime;
  readonly endpoint?: string;
};

type Answer = { readonly status: number; readonly body: Buffer };

const REQUEST_SECONDS = 20;
/** The metadata service has new credentials at least so long before the old ones end. */
const RENEW_SECONDS = 300;
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * S3 without the AWS SDK, whose loading alone takes longer than everything that a boot asks of S3. Nothing is tried twice here: the boot has its own back-off, which names what failed.
 */
export function nodeS3({ region, bucket, credentials, now, endpoint }: NodeStorageOptions): NodeStorage {
  const base =
    endpoint === undefined
      ? `https://${bucket}.s3.${region}.${partitionOf(region).suffix}`
      : `${endpoint.replace(/\/$/, "")}/${bucket}`;
  const { httpAgent, httpsAgent } = connection(process.env);
  let held: Promise<RoleCredentials> | undefined;

  async function current(): Promise<RoleCredentials> {
    held ??= credentials();
    try {
      const found = await held;
      if (found.expiration.getTime() / 1000 - now() < RENEW_SECONDS) held = undefined;
      return found;
    } catch (error) {
      held = undefined;
      throw error;
    }
  }

  async function ask(
    method: S3Request["method"],
    key: string,
    body: string,
    maxBytes: number,
  ): Promise<Answer> {
    const url = new URL(`${base}/${objectPath(key)}`);
    const headers = s3Signature({ method, url, region, body }, await current(), now());
    const signal = AbortSignal.timeout(REQUEST_SECONDS * 1000);
    const secure = url.protocol === "https:";
    const agent = secure ? httpsAgent : httpAgent;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void =>
        reject(signal.aborted ? new Error(`no answer within ${REQUEST_SECONDS} s`) : error);
      const outgoing = (secure ? httpsRequest : httpRequest)(
        url,
        { method, headers, agent, signal },
        (answer) => {
          const status = answer.statusCode ?? 0;
          const chunks: Buffer[] = [];
          let size = 0;
          answer.on("data", (chunk: Buffer) => {
            size += chunk.length;
            chunks.push(chunk);
            if (size > (status === 200 ? maxBytes : MAX_ERROR_BYTES)) {
              answer.destroy(new Error(`the answer is larger than ${maxBytes} bytes`));
            }
          });
          answer.on("error", fail);
          answer.on("end", () => resolve({ status, body: Buffer.concat(chunks) }));
        },
      );
      outgoing.on("error", fail);
      outgoing.end(body);
    });
  }

  async function call(verb: string, key: string, ask: () => Promise<Answer>): Promise<Buffer> {
    const refused = (why: string, cause?: unknown): UpdraftError =>
      new UpdraftError(
        "failed",
        `S3 does not let the node ${verb} s3://${bucket}/${key}: ${why}`,
        "Run updraft setup --annex and updraft create again; the annex's role must be able to reach the bucket.",
        cause,
      );
    let answer: Answer;
    try {
      answer = await ask();
    } catch (error) {
      throw refused(messageOf(error), error);
    }
    if (answer.status === 200) return answer.body;
    const code = /<Code>(\w+)<\/Code>/.exec(answer.body.toString("utf8"))?.[1] ?? "an error";
    throw refused(`${code} (status ${answer.status})`);
  }

  return {
    get: (key, maxBytes) => call("read", key, () => ask("GET", key, "", maxBytes)),
    async put(key, text) {
      await call("write", key, () => ask("PUT", key, text, MAX_ERROR_BYTES));
    },
  };
}
