import type { Sandbox } from "../../sandbox/sandbox.ts";

export type AwsCall = {
  readonly service: string;
  readonly method?: string;
  readonly path?: string;
  /** Of the JSON protocol, such as AWSEvents.DisableRule. */
  readonly target?: string;
  readonly body?: string;
};

/** One call with the administrator's key, from the access point: what a person breaks by hand. */
export async function awsCall(
  sandbox: Sandbox,
  { service, method, path, target, body }: AwsCall,
): Promise<string> {
  const { accessKeyId, secretAccessKey } = await sandbox.administrator();
  const { endpoint, region } = await sandbox.status();
  const quoted = (text: string): string => JSON.stringify(text);
  const configuration = [
    `url = ${quoted(`${endpoint}${path ?? "/"}`)}`,
    `request = ${method ?? "POST"}`,
    `user = ${quoted(`${accessKeyId}:${secretAccessKey}`)}`,
    `aws-sigv4 = "aws:amz:${region}:${service}"`,
    // What curl calls a form the emulator would take apart.
    ...(service === "s3" ? ['header = "content-type: application/octet-stream"'] : []),
    ...(target === undefined
      ? []
      : [`header = "x-amz-target: ${target}"`, 'header = "content-type: application/x-amz-json-1.1"']),
    ...(body === undefined ? [] : [`data = ${quoted(body)}`]),
  ].join("\n");
  return sandbox.accessPoint.run(["curl", "--silent", "--show-error", "--fail-with-body", "--config", "-"], {
    stdin: configuration,
    timeoutSeconds: 30,
  });
}

/** One call of a service that speaks the query protocol. */
export function queryCall(
  sandbox: Sandbox,
  service: string,
  version: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  return awsCall(sandbox, {
    service,
    body: new URLSearchParams({ Version: version, ...parameters }).toString(),
  });
}
