import type { Sandbox } from "./sandbox.ts";

/** Makes an IAM user who has these managed policies and nothing else, with its keys in ~/.aws of the access point's user of that name. */
export async function addIamUser(
  sandbox: Sandbox,
  name: string,
  policyArns: readonly string[],
): Promise<void> {
  const { accessPoint } = sandbox;
  const owned = { mode: "600", owner: name, group: name };
  await accessPoint.run(["install", "-d", "-o", name, "-g", name, "-m", "700", `/home/${name}/.aws`]);
  const config = await accessPoint.run(["cat", "/root/.aws/config"]);
  await accessPoint.writeFile(`/home/${name}/.aws/config`, config, owned);
  const key = await sandbox.createUser(name, [...policyArns]);
  const credentials = [
    "[default]",
    `aws_access_key_id = ${key.accessKeyId}`,
    `aws_secret_access_key = ${key.secretAccessKey}`,
    "",
  ];
  await accessPoint.writeFile(`/home/${name}/.aws/credentials`, credentials.join("\n"), owned);
}

/** Takes both away again. */
export async function removeIamUser(sandbox: Sandbox, name: string): Promise<void> {
  await sandbox.removeUser(name);
  await sandbox.accessPoint.run(["rm", "-r", `/home/${name}/.aws`]);
}
