import type { Sandbox } from "../../sandbox/sandbox.ts";

/**
 * One call of EC2's query interface with the administrator's key, from the sandbox's access point: what a person does
 * by hand, and Updraft itself never does.
 */
export async function ec2Query(
  sandbox: Sandbox,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const { accessKeyId, secretAccessKey } = await sandbox.administrator();
  const { endpoint, region } = await sandbox.status();
  const body = new URLSearchParams({ Version: "2016-11-15", ...parameters }).toString();
  // The key goes to standard input, where no other process sees it.
  const configuration = [
    `url = "${endpoint}/"`,
    `user = "${accessKeyId}:${secretAccessKey}"`,
    `aws-sigv4 = "aws:amz:${region}:ec2"`,
    `data = "${body}"`,
  ].join("\n");
  return sandbox.accessPoint.run(["curl", "--silent", "--show-error", "--fail", "--config", "-"], {
    stdin: configuration,
    timeoutSeconds: 30,
  });
}

/** Sets a tag of an instance, or takes it away when the value is undefined. */
export async function tag(
  sandbox: Sandbox,
  instanceId: string,
  key: string,
  value: string | undefined,
): Promise<void> {
  await ec2Query(sandbox, {
    Action: value === undefined ? "DeleteTags" : "CreateTags",
    "ResourceId.1": instanceId,
    "Tag.1.Key": key,
    ...(value !== undefined && { "Tag.1.Value": value }),
  });
}

export async function terminate(sandbox: Sandbox, instanceId: string): Promise<void> {
  await ec2Query(sandbox, { Action: "TerminateInstances", "InstanceId.1": instanceId });
}
