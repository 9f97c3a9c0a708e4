import { Agent, request } from "node:http";
import { UpdraftError } from "../core/errors.ts";
import { TAG, type Tags } from "../core/tags.ts";

/** Credentials of the instance's role, as the metadata service hands them out. */
export type RoleCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
};

/** The instance metadata service, version 2 only. Every failure may pass: it is thrown as worth another try. */
export type Imds = {
  identityDocument(): Promise<string>;
  tags(): Promise<Tags>;
  credentials(): Promise<RoleCredentials>;
  /** `spot`, `on-demand` … */
  lifeCycle(): Promise<string>;
};

const TOKEN_SECONDS = 21600;
const ANSWER_SECONDS = 5;
const MAX_ANSWER_BYTES = 64 * 1024;
const KNOWN_TAGS: ReadonlySet<string> = new Set(Object.values(TAG));

export function imds(endpoint = "http://169.254.169.254"): Imds {
  // One connection each way is enough, and it must not keep the program alive.
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let token: Promise<string> | undefined;

  async function get(path: string): Promise<string> {
    token ??= call("PUT", "/latest/api/token", {
      "x-aws-ec2-metadata-token-ttl-seconds": String(TOKEN_SECONDS),
    });
    try {
      return await call("GET", path, { "x-aws-ec2-metadata-token": await token });
    } catch (error) {
      // A token that is refused, or was never had, must not spoil the next try.
      token = undefined;
      throw error;
    }
  }

  function call(method: string, path: string, headers: Record<string, string>): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(
          new UpdraftError(
            "failed",
            `the instance metadata service does not answer ${path}: ${why}`,
            "The instance's metadata options must allow version 2 and tags, and an instance profile must be set.",
          ),
        );
      const deadline = AbortSignal.timeout(ANSWER_SECONDS * 1000);
      const outgoing = request(
        new URL(path, endpoint),
        { method, headers, agent, signal: deadline },
        (answer) => {
          const chunks: Buffer[] = [];
          let size = 0;
          answer.on("data", (chunk: Buffer) => {
            size += chunk.length;
            if (size > MAX_ANSWER_BYTES) answer.destroy(new Error("more than can be an answer"));
            else chunks.push(chunk);
          });
          answer.on("error", (error) => fail(error.message));
          answer.on("end", () => {
            if (answer.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
            else fail(`status ${answer.statusCode ?? "unknown"}`);
          });
        },
      );
      outgoing.on("error", (error) =>
        fail(deadline.aborted ? `no answer within ${ANSWER_SECONDS} s` : error.message),
      );
      outgoing.end();
    });
  }

  return {
    identityDocument: () => get("/latest/dynamic/instance-identity/document"),
    async tags() {
      const keys = (await get("/latest/meta-data/tags/instance")).split("\n").map((key) => key.trim());
      const ours = keys.filter((key) => KNOWN_TAGS.has(key));
      const values = await Promise.all(ours.map((key) => get(`/latest/meta-data/tags/instance/${key}`)));
      return Object.fromEntries(ours.map((key, index) => [key, values[index] ?? ""]));
    },
    async credentials() {
      const place = "/latest/meta-data/iam/security-credentials/";
      const role = (await get(place)).trim().split("\n")[0] ?? "";
      return readCredentials(await get(place + encodeURIComponent(role)));
    },
    lifeCycle: async () => (await get("/latest/meta-data/instance-life-cycle")).trim(),
  };
}

function readCredentials(text: string): RoleCredentials {
  // What the text says is not repeated in any message: it may be a secret.
  let fields: Record<string, unknown> = {};
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // An answer that is no JSON has no fields, which the check below says.
  }
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = fields;
  const expiration = new Date(String(Expiration));
  if (
    typeof AccessKeyId !== "string" ||
    typeof SecretAccessKey !== "string" ||
    typeof Token !== "string" ||
    Number.isNaN(expiration.getTime())
  ) {
    throw new UpdraftError(
      "failed",
      "the instance metadata service has no usable credentials of the instance's role",
      "An instance profile with the annex's role must be set.",
    );
  }
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token, expiration };
}
