import { annexKnobs, configureAnnexes, type AnnexKnobs } from "../../sandbox/demo/annex.ts";
import type { CloudSettings, Credentials, Inventory } from "../../sandbox/cloud/ports.ts";
import type { ExecResult } from "../../sandbox/machine/exec.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { SETUP_POLICIES } from "../../lambda/setup-policies.ts";
import { HOOK } from "../hook-process.ts";
import { ANNEX } from "./pool.ts";
import { setupPolicyName } from "./statements.ts";

/** An account in which each does what is theirs with the rights that the manual gives them, and no others. */
export type AccountWorld = {
  readonly sandbox: Sandbox;
  /** What the account held before anything was set up: the people are in it already. */
  readonly before: Inventory;
  readonly installer: Credentials;
  readonly operator: Credentials;
  readonly hook: Credentials;
  /** Has what the operator has, and means ill. */
  readonly intruder: Credentials;
  /** An ordinary user of the annex. */
  readonly alice: Credentials;
};

/** Smaller than the node's program, and an executable all the same: for annexes of which no node shall boot. */
export const ANY_PROGRAM = "/usr/bin/true";

/** An access point with one annex described, nothing set up, and people with keys. */
export async function withAccount<T>(
  name: string,
  knobs: AnnexKnobs,
  settings: Partial<CloudSettings>,
  work: (world: AccountWorld) => Promise<T>,
): Promise<T> {
  await down(name);
  const sandbox = await up({ name, settings });
  try {
    return await work(await accountWorld(sandbox, knobs));
  } finally {
    await sandbox.down();
  }
}

export async function accountWorld(sandbox: Sandbox, knobs: AnnexKnobs): Promise<AccountWorld> {
  const { accessPoint } = sandbox;
  await configure(sandbox, knobs);
  await accessPoint.run(["install", "-d", "-o", "condor", "-g", "condor", "-m", "700", "/var/lib/updraft"]);
  await accessPoint.writeFile("/etc/updraft/aws-config", await accessPoint.run(["cat", "/root/.aws/config"]));
  const documents: Record<string, string> = {};
  for (const which of SETUP_POLICIES) {
    const printed = await accessPoint.run(["updraft", "setup", "--print-policy", which]);
    documents[setupPolicyName(which)] = printed;
  }
  const installer = await sandbox.createUser("installer", [], documents);
  const operator = await sandbox.createUser("operator", []);
  const hook = await sandbox.createUser("hook", []);
  const intruder = await sandbox.createUser("intruder", []);
  const alice = await sandbox.createUser("alice", []);
  return { sandbox, before: await sandbox.inventory(), installer, operator, hook, intruder, alice };
}

export async function configure(sandbox: Sandbox, knobs: AnnexKnobs): Promise<void> {
  await configureAnnexes(sandbox.accessPoint, { [ANNEX]: { ...(await annexKnobs(sandbox)), ...knobs } });
}

/** Runs `updraft` with somebody's key, whatever its exit status. */
export function updraftAs(
  { sandbox }: AccountWorld,
  { accessKeyId, secretAccessKey }: Credentials,
  ...args: readonly string[]
): Promise<ExecResult> {
  return sandbox.accessPoint.exec(["updraft", ...args], {
    timeoutSeconds: 300,
    environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  });
}

/** One tick of the hook as HTCondor's user with the hook's key. */
export function hookTick({ sandbox, hook }: AccountWorld): Promise<ExecResult> {
  return sandbox.accessPoint.exec([HOOK], {
    user: "condor",
    directory: "/",
    environment: {
      HOME: "/var/lib/updraft",
      AWS_CONFIG_FILE: "/etc/updraft/aws-config",
      AWS_ACCESS_KEY_ID: hook.accessKeyId,
      AWS_SECRET_ACCESS_KEY: hook.secretAccessKey,
    },
    timeoutSeconds: 70,
  });
}

/** Gives operator and hook the policies that the account's stack has made. */
export async function employ(world: AccountWorld): Promise<AccountWorld> {
  const { policies = [] } = await world.sandbox.inventory();
  const { accountId } = await world.sandbox.status();
  const arn = (id: string): string =>
    `arn:aws:iam::${accountId}:policy${policies.find((one) => one.includes(`-${id}-`)) ?? ""}`;
  const both = [arn("HookPolicy"), arn("OperatorPolicy")];
  return {
    ...world,
    operator: await world.sandbox.createUser("operator", both),
    intruder: await world.sandbox.createUser("intruder", both),
    alice: await world.sandbox.createUser("alice", policies.some(isUserPolicy) ? [arn("UserPolicy")] : []),
    hook: await world.sandbox.createUser("hook", [arn("HookPolicy")]),
  };
}

const isUserPolicy = (name: string): boolean => name.includes("-UserPolicy-");

/** The same of an ordinary user of the access point, with the key that the annex's user policy goes with. */
export function updraftAsAlice(
  { sandbox, alice }: AccountWorld,
  ...args: readonly string[]
): Promise<ExecResult> {
  return sandbox.accessPoint.exec(["updraft", ...args], {
    user: "alice",
    directory: "/home/alice",
    timeoutSeconds: 300,
    environment: {
      HOME: "/home/alice",
      AWS_CONFIG_FILE: "/etc/updraft/aws-config",
      AWS_ACCESS_KEY_ID: alice.accessKeyId,
      AWS_SECRET_ACCESS_KEY: alice.secretAccessKey,
    },
  });
}

/** Tears everything down with all rights, whatever state it is in. */
export async function clear({ sandbox }: AccountWorld): Promise<void> {
  await sandbox.settings({ ignoredStatements: [], secureTransport: true, roleDelivery: "2.0" });
  const all = { timeoutSeconds: 300 };
  await sandbox.accessPoint.run(["updraft", "teardown", "--annex", ANNEX, "--terminate", "--yes"], all);
  await sandbox.accessPoint.run(["updraft", "teardown", "--region", "us-east-1", "--yes"], all);
}

/** What one inventory has that the other has not, by kind: `+` and `-`. */
export function difference(before: Inventory, after: Inventory): string[] {
  return Object.keys(after).flatMap((kind) => {
    const [was, is] = [before[kind] ?? [], after[kind] ?? []];
    return [
      ...surplus(is, was).map((one) => `+ ${kind}: ${one}`),
      ...surplus(was, is).map((one) => `- ${kind}: ${one}`),
    ];
  });
}

/** What the first list has more often than the second. */
function surplus(list: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return list.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
