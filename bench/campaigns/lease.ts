import { setTimeout as sleep } from "node:timers/promises";
import { median, table } from "../table.ts";
import { uniform } from "../../sandbox/cloud/random.ts";
import type { Fault, InstanceView } from "../../sandbox/cloud/ports.ts";
import { submitJobs } from "../../sandbox/demo/jobs.ts";
import type { Sandbox, SandboxMachine } from "../../sandbox/sandbox.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { fakeClock } from "./faketime.ts";
import { ANNEX, KILL_GUARD, updraft, withPool } from "./pool.ts";
import { results } from "./results.ts";

const NAME = "campaign-lease";
const LEASE_SECONDS = 75;
/** Many nodes at once make the sandbox, not the lease, what is measured. */
const AT_ONCE = 12;
const ENFORCER_PERIOD_SECONDS = 60;
/** By when the last of a batch must have ended: the lease, what the enforcer may take, and its grace. */
const BATCH_SECONDS = LEASE_SECONDS + 240;
/** A part dies between joining and the last stretch. */
const INJURY_SECONDS = 30;
/** Time in which something ends the node: the guard, or the enforcer. */
const NODE_BOUND_SECONDS = 5;

/** Stands for an instance that nobody has ended. */
const NEVER_SECONDS = 99_999;

type World = "usual" | "S3 refuses everybody" | "the enforcer is off";

type Cause = {
  readonly name: string;
  readonly world?: World;
  /** What can end the node in time is still alive in it. */
  readonly endsInNode: boolean;
  readonly injure?: (machine: SandboxMachine) => Promise<void>;
};

const sh = (script: string, ...args: readonly string[]) => {
  return async (machine: SandboxMachine): Promise<void> => {
    await machine.exec(["sh", "-c", script, "sh", ...args], { timeoutSeconds: 30 });
  };
};

/** The guard and HTCondor are started again, and see the wrong time from then on. */
const wrongClock = (seconds: number) => {
  return async (machine: SandboxMachine): Promise<void> => {
    await fakeClock(machine, seconds);
    await sh(`
pkill -QUIT -x condor_master
while pgrep -x condor_master >/dev/null; do sleep 0.1; done
condor_master
${KILL_GUARD}`)(machine);
  };
};

const STOP_EVERYTHING =
  'for id in /proc/[0-9]*; do id=${id#/proc/}; [ "$id" -le 1 ] || [ "$id" -eq $$ ] || kill -STOP "$id"; done';

const CAUSES: readonly Cause[] = [
  { name: "nothing", endsInNode: true },
  { name: "guard killed", endsInNode: true, injure: sh(KILL_GUARD) },
  { name: "guard and its keeper killed", endsInNode: true, injure: sh(KILL_GUARD, "keeper") },
  { name: "HTCondor killed", endsInNode: true, injure: sh("pkill -9 condor_") },
  { name: "HTCondor hangs", endsInNode: true, injure: sh("pkill -STOP condor_") },
  { name: "network cut", endsInNode: true, injure: (machine) => machine.link("down") },
  { name: "clock an hour ahead", endsInNode: true, injure: wrongClock(3600) },
  { name: "clock an hour behind", endsInNode: true, injure: wrongClock(-3600) },
  { name: "enforcer off", world: "the enforcer is off", endsInNode: true },
  { name: "S3 refuses", world: "S3 refuses everybody", endsInNode: true },
  { name: "whole node hangs", endsInNode: false, injure: sh(STOP_EVERYTHING) },
];

/** Nodes and the enforcer, as opposed to the person who orders. */
const ROLES = "*:assumed-role/*";
const FAULTS: Readonly<Record<World, Fault | undefined>> = {
  usual: undefined,
  "S3 refuses everybody": {
    kind: "error",
    service: "s3",
    principal: ROLES,
    code: "AccessDenied",
    status: 403,
  },
  "the enforcer is off": {
    kind: "error",
    service: "ec2",
    action: "TerminateInstances",
    principal: ROLES,
    code: "InternalError",
    status: 500,
  },
};

export type LeaseRow = {
  readonly index: number;
  readonly cause: string;
  readonly instanceId: string;
  readonly lease: number;
  /** Seconds past the lease; negative when it ended before. */
  readonly lateSeconds: number;
  /** ARN of who ended it; `instance` when it ended by itself. */
  readonly by: string;
};

/** Which part of each lease dies; the same for the same seed, every cause about as often. */
export function plan(size: number, seed: number): { index: number; cause: string; afterSeconds: number }[] {
  const random = uniform(seed);
  const shuffled: Cause[] = [];
  while (shuffled.length < size) {
    shuffled.push(
      ...CAUSES.map((cause) => ({ cause, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ cause }) => cause),
    );
  }
  return shuffled
    .slice(0, size)
    .map((cause, index) => ({ index, cause: cause.name, afterSeconds: random() * INJURY_SECONDS }));
}

/** Orders a lease for each row of the plan that `out` does not have yet, and lets one part of each die. */
export async function leases({ size, seed, out }: CampaignOptions): Promise<LeaseRow[]> {
  const { rows, add } = results<LeaseRow>(out);
  const todo = plan(size, seed).filter(({ index }) => !rows.some((row) => row.index === index));
  if (todo.length === 0) return rows;
  const knobs = { DRAIN_SECONDS: "20", IDLE: "60" };
  const settings = { enforcerPeriodSeconds: ENFORCER_PERIOD_SECONDS, shuttingDownSeconds: 5 };
  await withPool(NAME, knobs, settings, async (sandbox) => {
    for (const world of Object.keys(FAULTS) as World[]) {
      const here = todo.filter(({ cause }) => (causeOf(cause).world ?? "usual") === world);
      for (let start = 0; start < here.length; start += AT_ONCE) {
        const batch = here.slice(start, start + AT_ONCE);
        console.log(`${world}: ${batch.map(({ cause }) => cause).join(", ")}`);
        for (const row of await runBatch(sandbox, batch, FAULTS[world])) add(row);
      }
    }
  });
  return rows;
}

async function runBatch(
  sandbox: Sandbox,
  batch: ReturnType<typeof plan>,
  fault: Fault | undefined,
): Promise<LeaseRow[]> {
  const before = new Set((await sandbox.instances()).map(({ instanceId }) => instanceId));
  const order = [
    "--count",
    String(batch.length),
    "--lease",
    `${LEASE_SECONDS}s`,
    "--idle",
    "60s",
    "--no-wait",
    "--yes",
  ];
  const faultId = fault === undefined ? undefined : await sandbox.addFault(fault);
  await updraft(sandbox, "create", ANNEX, ...order);
  // An idle node ends before its lease does: these jobs hold every node to its last second.
  await submitJobs(sandbox.accessPoint, {
    count: 2 * batch.length,
    seconds: 10 * LEASE_SECONDS,
    mayUseAws: true,
  });
  const mine = await launched(sandbox, before, batch.length);
  const ends = Promise.all(
    mine.map(async (instance, place) => {
      const planned = batch[place];
      if (planned === undefined) throw new Error("there are more instances than were ordered");
      const { injure } = causeOf(planned.cause);
      if (injure !== undefined) {
        const machine = sandbox.machine(instance.instanceId);
        await joined(machine);
        await sleep(planned.afterSeconds * 1000);
        await injure(machine);
      }
      return ended(sandbox, instance, planned.index, planned.cause);
    }),
  );
  try {
    return await ends;
  } finally {
    await sandbox.accessPoint.run(["condor_rm", "-all"]);
    if (faultId !== undefined) await sandbox.removeFault(faultId);
  }
}

async function launched(
  sandbox: Sandbox,
  before: ReadonlySet<string>,
  count: number,
): Promise<InstanceView[]> {
  for (let tries = 0; tries < 300; tries++) {
    const fresh = (await sandbox.instances()).filter(({ instanceId }) => !before.has(instanceId));
    if (fresh.length === count) return fresh;
    await sleep(200);
  }
  throw new Error(`not ${count} instances were launched within a minute`);
}

async function joined(machine: SandboxMachine): Promise<void> {
  const look = 'condor_status -direct "$(head -n 1 /var/log/condor/.startd_address)" -af Name | grep -q .';
  for (let tries = 0; tries < 60; tries++) {
    // Until it is switched on nothing can be run there.
    const answer = await machine.exec(["sh", "-c", look], { timeoutSeconds: 10 }).catch(() => undefined);
    if (answer?.exitCode === 0) return;
    await sleep(500);
  }
}

async function ended(
  sandbox: Sandbox,
  instance: InstanceView,
  index: number,
  cause: string,
): Promise<LeaseRow> {
  const { instanceId, tags } = instance;
  const lease = Number(tags["htcondor:LeaseExpiration"]);
  const deadline = Date.now() + BATCH_SECONDS * 1000;
  for (;;) {
    const entry = (await sandbox.terminationLog()).find((one) => one.instanceId === instanceId);
    const row = { index, cause, instanceId, lease };
    if (entry !== undefined) return { ...row, lateSeconds: entry.time - lease, by: entry.by };
    if (Date.now() > deadline) return { ...row, lateSeconds: NEVER_SECONDS, by: "nobody" };
    await sleep(500);
  }
}

function causeOf(name: string): Cause {
  const found = CAUSES.find((cause) => cause.name === name);
  if (found === undefined) throw new Error(`there is no cause ${name}`);
  return found;
}

/** Seconds past the lease that nobody may exceed. */
export function bound(cause: string): number {
  return causeOf(cause).endsInNode ? NODE_BOUND_SECONDS : 60 + ENFORCER_PERIOD_SECONDS;
}

export function leaseTable(rows: readonly LeaseRow[]): string {
  const causes = CAUSES.map(({ name }) => name).filter((name) => rows.some(({ cause }) => cause === name));
  const line = (name: string, of: readonly LeaseRow[], most: string): (string | number)[] => {
    const late = of.map(({ lateSeconds }) => lateSeconds);
    const inNode = of.filter(({ by }) => by === "instance").length;
    return [
      name,
      of.length,
      median(late).toFixed(1),
      Math.max(...late).toFixed(1),
      most,
      inNode,
      of.length - inNode,
    ];
  };
  return table(
    ["what was dead", "leases", "median", "worst", "allowed", "ended in the node", "by the enforcer"],
    [
      ...causes.map((name) =>
        line(
          name,
          rows.filter(({ cause }) => cause === name),
          String(bound(name)),
        ),
      ),
      line("all", rows, ""),
    ],
  );
}

async function run(options: CampaignOptions): Promise<string> {
  const rows = await leases(options);
  const over = rows.filter(({ cause, lateSeconds }) => lateSeconds > bound(cause));
  const verdict =
    over.length === 0 ? "no lease was outlived by more than allowed" : `${over.length} LEASES WERE OUTLIVED`;
  return `seconds past the lease (negative: before it)\n${leaseTable(rows)}\n${verdict}`;
}

export const lease: Campaign = {
  name: "lease",
  summary: "leases, each with one part dead: seconds by which they are outlived",
  fullSize: 60,
  run,
};
