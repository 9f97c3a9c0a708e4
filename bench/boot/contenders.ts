import { setTimeout as sleep } from "node:timers/promises";
import { ec2Query } from "../campaigns/ec2-query.ts";
import { extraImageId } from "../../sandbox/images.ts";
import type { Sandbox, SandboxMachine } from "../../sandbox/sandbox.ts";
import { annexEc2UserData, ROLE } from "./annex-ec2.ts";

export const ANNEX = "burst";
export const THEIR_ANNEX = "Theirs";

/** Seconds of one boot by what they were spent on, in the order of the table. */
export type Boot = Readonly<Record<string, number>>;

export const SUMS = {
  before: "user data start → condor_master",
  condor: "condor_master → slot visible",
  all: "user data start → slot visible",
  order: "order → slot visible",
} as const;

const LONGEST_SECONDS = 120;

/** An order by updraft, and what the node itself notes of its boot. */
export async function ours(sandbox: Sandbox): Promise<Boot> {
  const { accessPoint } = sandbox;
  const order = async (): Promise<void> => {
    await accessPoint.run(
      ["updraft", "create", ANNEX, "--count", "1", "--lease", "1h", "--yes", "--no-wait"],
      {
        timeoutSeconds: 60,
      },
    );
  };
  const { machine, ordered, visible } = await launched(sandbox, order);
  // The guard writes the times of the whole boot a few seconds later.
  const state = JSON.parse(await machine.run(["cat", "/var/lib/updraft/guard.json"])) as {
    node: { bootSteps: Record<string, number> };
  };
  const { UserData: begun = Number.NaN, ...steps } = state.node.bootSteps;
  const inOrder = Object.entries(steps).sort(([, a], [, b]) => a - b);
  const before = inOrder.filter(([name]) => name !== "HtcondorStarted" && name !== "Accepted");
  let last = begun;
  const spent: Record<string, number> = {};
  for (const [name, at] of before) {
    spent[`  until ${name}`] = at - last;
    last = at;
  }
  await accessPoint.run(["updraft", "delete", ANNEX, "--yes"], { timeoutSeconds: 120 });
  return { ...spent, ...sums({ ordered, begun, configured: last, visible }) };
}

/** HTCondor's own annex instance, with each of its calls of the AWS command line. */
export async function theirs(sandbox: Sandbox, run: number): Promise<Boot> {
  const { endpoint } = await sandbox.status();
  const { machine, ordered, visible, terminate } = await byHand(sandbox, annexEc2UserData(endpoint), {
    ClientToken: `${THEIR_ANNEX}_${run}`,
    "IamInstanceProfile.Name": ROLE,
    "MetadataOptions.HttpTokens": "optional",
  });
  const spent: Record<string, number> = {};
  for (const line of (await machine.run(["cat", "/run/aws-calls"])).trim().split("\n")) {
    const [begun = "", ended = "", service = "", ...words] = line.split(" ");
    const verb = [service, ...words].find((word) => /^(describe|get|list|cp)/.test(word)) ?? service;
    const name = `  aws … ${verb}`;
    spent[name] = (spent[name] ?? 0) + Number(ended) - Number(begun);
  }
  await terminate();
  return { ...spent, ...sums({ ordered, visible, ...(await noted(machine)) }) };
}

/** Plain EC2 calls, and everything that the node needs written into its user data, the password too. */
export async function handMade(sandbox: Sandbox): Promise<{ byHand: Boot; bare: Boot }> {
  const { machine, address, ordered, visible, terminate } = await byHand(
    sandbox,
    await handMadeUserData(sandbox),
  );
  const boot = sums({ ordered, visible, ...(await noted(machine)) });
  // The same HTCondor once more, all by itself.
  await machine.run(["sh", "-c", STOP], { timeoutSeconds: 60 });
  await watch(sandbox, address, false);
  const again = watch(sandbox, address, true);
  const started = Number(await machine.run(["sh", "-c", "date +%s.%N; condor_master"]));
  const bare = { [SUMS.condor]: (await again) - started };
  await terminate();
  return { byHand: boot, bare };
}

const STOP =
  "rm -f /run/condor/*; pkill -QUIT -x condor_master; while pgrep -x condor_master; do sleep 0.1; done";

async function handMadeUserData({ accessPoint }: Sandbox): Promise<string> {
  const password = await accessPoint.run(["base64", "-w0", "/etc/condor/passwords.d/POOL"]);
  const host = (await accessPoint.run(["hostname"])).trim();
  return `#!/bin/sh
date +%s.%N >/run/started
rm -f /etc/condor/config.d/49-updraft-image.config
cat >/etc/condor/config.d/50-by-hand.config <<END
DAEMON_LIST = MASTER STARTD
CONDOR_HOST = ${host}
SEC_PASSWORD_FILE = /etc/condor/passwords.d/POOL
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, PASSWORD
START = MayUseAWS =?= True
END
umask 077
echo ${password.trim()} | base64 -d >/etc/condor/passwords.d/POOL
date +%s.%N >/run/configured
condor_master
`;
}

type Launched = {
  readonly machine: SandboxMachine;
  readonly address: string;
  readonly ordered: number;
  readonly visible: number;
};

async function byHand(
  sandbox: Sandbox,
  userData: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Launched & { terminate(): Promise<void> }> {
  const [subnet] = await sandbox.subnets();
  const parameters = {
    Action: "RunInstances",
    ImageId: extraImageId(0),
    InstanceType: "m5.large",
    MinCount: "1",
    MaxCount: "1",
    SubnetId: subnet?.subnetId ?? "",
    InstanceInitiatedShutdownBehavior: "terminate",
    UserData: Buffer.from(userData).toString("base64"),
    ...more,
  };
  const found = await launched(sandbox, async () => void (await ec2Query(sandbox, parameters)));
  const terminate = async (): Promise<void> => {
    await ec2Query(sandbox, { Action: "TerminateInstances", "InstanceId.1": found.machine.name });
    while (await living(sandbox)) await sleep(200);
  };
  return { ...found, terminate };
}

async function launched(sandbox: Sandbox, order: () => Promise<void>): Promise<Launched> {
  const ordered = Date.now() / 1000;
  await order();
  const [instance] = (await sandbox.instances()).filter(
    ({ state }) => state === "pending" || state === "running",
  );
  if (instance === undefined) throw new Error("no instance was launched");
  const visible = await watch(sandbox, instance.privateIp, true);
  const machine = sandbox.machine(instance.instanceId);
  return { machine, address: instance.privateIp, ordered, visible };
}

const living = async (sandbox: Sandbox): Promise<boolean> =>
  (await sandbox.instances()).some(({ state }) => state !== "terminated");

/** When the collector had, or no longer had, a slot at this address. Looking takes 30 ms, and some of a processor. */
async function watch({ accessPoint }: Sandbox, address: string, there: boolean): Promise<number> {
  const found = `condor_status -af MyAddress | grep -q "^<${address}:"`;
  const until = `until ${there ? "" : "! "}{ ${found}; }; do sleep 0.03; done; date +%s.%N`;
  return Number(await accessPoint.run(["sh", "-c", until], { timeoutSeconds: LONGEST_SECONDS }));
}

async function noted(machine: SandboxMachine): Promise<{ begun: number; configured: number }> {
  const [begun, configured] = (await machine.run(["cat", "/run/started", "/run/configured"])).split("\n");
  return { begun: Number(begun), configured: Number(configured) };
}

function sums(at: { ordered: number; begun: number; configured: number; visible: number }): Boot {
  return {
    [SUMS.before]: at.configured - at.begun,
    [SUMS.condor]: at.visible - at.configured,
    [SUMS.all]: at.visible - at.begun,
    [SUMS.order]: at.visible - at.ordered,
  };
}
