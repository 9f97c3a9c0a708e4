import type { Credentials } from "../../sandbox/cloud/ports.ts";
import type { SandboxMachine, Sandbox } from "../../sandbox/sandbox.ts";

export type SignedRequest = {
  readonly service: string;
  readonly method?: string;
  /** After the endpoint, without a slash in front. */
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
};

export type SignedAnswer = { readonly status: number; readonly body: string };

/** One request to AWS with somebody's key, from a machine of the sandbox: what Updraft itself would never send. */
export async function signedRequest(
  sandbox: Sandbox,
  { accessKeyId, secretAccessKey }: Credentials,
  { service, method = "POST", path = "", headers = [], body = "" }: SignedRequest,
  machine: SandboxMachine = sandbox.accessPoint,
): Promise<SignedAnswer> {
  const { endpoint, region } = await sandbox.status();
  const quoted = (text: string): string => JSON.stringify(text);
  // The key goes to standard input, where no other process sees it.
  const configuration = [
    `url = ${quoted(`${endpoint}/${path}`)}`,
    `request = ${method}`,
    `user = ${quoted(`${accessKeyId}:${secretAccessKey}`)}`,
    `aws-sigv4 = "aws:amz:${region}:${service}"`,
    ...headers.map((header) => `header = ${quoted(header)}`),
    ...(body === "" ? [] : [`data-raw = ${quoted(body)}`]),
    'write-out = "\\n%{http_code}"',
  ].join("\n");
  const said = await machine.run(["curl", "--silent", "--show-error", "--config", "-"], {
    stdin: configuration,
    timeoutSeconds: 30,
  });
  const end = said.lastIndexOf("\n");
  return { status: Number(said.slice(end + 1)), body: said.slice(0, end) };
}

const VERSIONS: Readonly<Record<string, string>> = {
  ec2: "2016-11-15",
  sns: "2010-03-31",
  iam: "2010-05-08",
};

/** The same of a service that takes forms. */
export function queryRequest(service: string, parameters: Readonly<Record<string, string>>): SignedRequest {
  const body = new URLSearchParams({ Version: VERSIONS[service] ?? "", ...parameters }).toString();
  return { service, body };
}

/** The same of S3; what is written is not signed. */
export function objectRequest(method: "GET" | "PUT", path: string, body = ""): SignedRequest {
  return {
    service: "s3",
    method,
    path,
    headers: ["x-amz-content-sha256: UNSIGNED-PAYLOAD", "content-type: application/octet-stream"],
    body,
  };
}
