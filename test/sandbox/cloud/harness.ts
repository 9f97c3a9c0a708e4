import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  type CloudFormationClient,
  type Stack,
} from "@aws-sdk/client-cloudformation";
import { startCloud } from "../../../sandbox/cloud/cloud.ts";
import type { BootRequest, Cloud, CloudSettings, Hypervisor } from "../../../sandbox/cloud/ports.ts";

export const IMAGE = "ami-00000000000000001";
export const OTHER_IMAGE = "ami-00000000000000002";

export type TestCloud = {
  cloud: Cloud;
  boots: BootRequest[];
  offs: string[];
  lines: string[];
  /** The instance that the metadata service shall take its caller for. */
  callAs(privateIp: string): void;
  stop(): Promise<void>;
};

/** From here on this process's AWS clients speak to that cloud, as its administrator. */
export function speakTo({ endpoint, administrator }: Cloud): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: administrator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: administrator.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: "true",
  });
}

/** A cloud on loopback with the real emulator, and a hypervisor that only writes down what it is told. */
export async function testCloud(settings: Partial<CloudSettings> = {}): Promise<TestCloud> {
  const directory = mkdtempSync(join(tmpdir(), "updraft-cloud-"));
  const boots: BootRequest[] = [];
  const offs: string[] = [];
  const lines: string[] = [];
  let caller = "";
  const hypervisor: Hypervisor = {
    async boot(request) {
      boots.push(request);
    },
    async powerOff(instanceId) {
      offs.push(instanceId);
    },
    async consoleOutput(instanceId) {
      return `console of ${instanceId}\n`;
    },
  };
  const cloud = await startCloud({
    directory,
    motoRoot: motoRoot(),
    endpointAddress: "127.0.0.1",
    endpointPort: 0,
    metadataAddresses: ["127.0.0.1"],
    metadataPort: 0,
    metadataSource: () => caller,
    images: [
      { imageId: IMAGE, name: "htcondor-updraft", description: "HTCondor and Updraft" },
      { imageId: OTHER_IMAGE, name: "htcondor", description: "HTCondor" },
    ],
    hypervisor,
    settings: { launchDelay: { kind: "constant", seconds: 0.1 }, shuttingDownSeconds: 0, ...settings },
    log: (line) => lines.push(line),
  });
  return {
    cloud,
    boots,
    offs,
    lines,
    callAs(privateIp) {
      caller = privateIp;
    },
    async stop() {
      await cloud.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function motoRoot(): string {
  const root = process.env["UPDRAFT_MOTO_ROOT"];
  if (root === undefined) throw new Error("UPDRAFT_MOTO_ROOT must name a root file system with python3-moto");
  return root;
}

export function template(name: "account" | "annex"): string {
  return JSON.stringify(JSON.parse(readFileSync(new URL(`templates/${name}.json`, import.meta.url), "utf8")));
}

export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  seconds = 15,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await sleep(50);
  }
}

/** Creates a stack and waits for its end, whatever that is. */
export async function createStack(
  client: CloudFormationClient,
  name: string,
  body: string,
  parameters: Record<string, string> = {},
): Promise<Stack> {
  await client.send(
    new CreateStackCommand({
      StackName: name,
      TemplateBody: body,
      Capabilities: ["CAPABILITY_IAM"],
      Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
    }),
  );
  return settled(client, name);
}

export async function deleteStack(client: CloudFormationClient, stackId: string): Promise<Stack> {
  await client.send(new DeleteStackCommand({ StackName: stackId }));
  return settled(client, stackId);
}

export function settled(client: CloudFormationClient, name: string): Promise<Stack> {
  return eventually(`${name} settles`, async () => {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    const stack = Stacks?.[0];
    return stack?.StackStatus?.endsWith("_IN_PROGRESS") === true ? undefined : stack;
  });
}

export function outputs(stack: Stack): Record<string, string> {
  return Object.fromEntries((stack.Outputs ?? []).map((o) => [o.OutputKey ?? "", o.OutputValue ?? ""]));
}
