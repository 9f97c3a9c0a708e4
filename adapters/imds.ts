import { Agent, request } from "node:http";
import { UpdraftError } from "../core/errors.ts";
import { interruptionTime, type Reading } from "../core/end-of-life.ts";
import type { NodeAddresses } from "../core/node-config.ts";
import { TAG, type Tags } from "../core/tags.ts";
import { uptime } from "./uptime.ts";

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
  /** Undefined as long as the instance has no public address. */
  addresses(): Promise<NodeAddresses | undefined>;
  /** `spot`, `on-demand` … */
  lifeCycle(): Promise<string>;
  /** Only those tags that change during a node's life, and EC2's notices; less to ask than all of them. */
  endOfLife(): Promise<Reading>;
};

/** Hears the Date of an answer, and the machine's uptime before the question and after the answer. */
export type OnDate = (date: string | undefined, sent: number, received: number) => void;

const TOKEN_SECONDS = 21600;
const ANSWER_SECONDS = 5;
const MAX_ANSWER_BYTES = 64 * 1024;
const KNOWN_TAGS: ReadonlySet<string> = new Set(Object.values(TAG));

export function imds(endpoint = "http://169.254.169.254", onDate: OnDate = () => undefined): Imds {
  // At the boot everything is asked at once. The service may close a connection after each answer, and one that it keeps
  // must not keep the program alive.
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let token: Promise<string> | undefined;

  async function get(path: string): Promise<string> {
    const found = await find(path);
    if (found !== undefined) return found;
    throw silent(path, "status 404");
  }

  /** Undefined for what is not there, which the service says by status 404. */
  async function find(path: string): Promise<string | undefined> {
    token ??= question("PUT", "/latest/api/token", {
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

  async function question(method: string, path: string, headers: Record<string, string>): Promise<string> {
    const answer = await call(method, path, headers);
    if (answer !== undefined) return answer;
    throw silent(path, "status 404");
  }

  function call(method: string, path: string, headers: Record<string, string>): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const sent = uptime();
      const fail = (why: string): void => reject(silent(path, why));
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
            onDate(answer.headers.date, sent, uptime());
            if (answer.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
            else if (answer.statusCode === 404) resolve(undefined);
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
    async addresses() {
      const [publicIp, privateIp] = await Promise.all([
        find("/latest/meta-data/public-ipv4"),
        get("/latest/meta-data/local-ipv4"),
      ]);
      return publicIp === undefined ? undefined : { publicIp: publicIp.trim(), privateIp: privateIp.trim() };
    },
    lifeCycle: async () => (await get("/latest/meta-data/instance-life-cycle")).trim(),
    async endOfLife() {
      const [lease, release, notice, rebalance] = await Promise.all([
        find(`/latest/meta-data/tags/instance/${TAG.lease}`),
        find(`/latest/meta-data/tags/instance/${TAG.release}`),
        find("/latest/meta-data/spot/instance-action"),
        find("/latest/meta-data/events/recommendations/rebalance"),
      ]);
      return {
        tags: {
          ...(lease !== undefined && { [TAG.lease]: lease }),
          ...(release !== undefined && { [TAG.release]: release }),
        },
        interruption: notice === undefined ? undefined : interruptionTime(notice),
        rebalance: rebalance !== undefined,
      };
    },
  };
}

function silent(path: string, why: string): UpdraftError {
  return new UpdraftError(
    "failed",
    `the instance metadata service does not answer ${path}: ${why}`,
    "The instance's metadata options must allow version 2 and tags, and an instance profile must be set.",
  );
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
