import { setTimeout as sleep } from "node:timers/promises";
import { uniform } from "../../sandbox/cloud/random.ts";
import type { InstanceView } from "../../sandbox/cloud/ports.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { median, table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { tag, terminate } from "./ec2-query.ts";
import { jobRuns } from "./job-events.ts";
import { ANNEX, updraft, withPool } from "./pool.ts";
import { results } from "./results.ts";

const NAME = "campaign-jobs";
const NODES = 5;
const ROUND_JOBS = 50;
const ROUND_SECONDS = 900;
/** JobStatus of an idle job. */
const IDLE = "1";
/**
 * HTCondor 23.9 sometimes forgets to offer a job again whose claim on a dead node timed out; the job stays in the queue
 * and idle, on free nodes too, until the schedd is restarted.
 */
const FORGOTTEN_SECONDS = 90;
const SHORTEST_JOB_SECONDS = 5;
const LONGEST_JOB_SECONDS = 60;
const SHORTEST_LEASE_SECONDS = 80;
const LONGEST_LEASE_SECONDS = 180;
const NOTICE_SECONDS = 45;
const DRAIN_SECONDS = 30;

/**
 * A node that loses its power says no good-bye. These make the access point notice within half a minute instead of a
 * quarter of an hour, match no job with it for long, and not wait half an hour for its answer when one was matched;
 * they change nothing for nodes that end in order.
 */
const NOTICE_THE_DEAD = `TCP_KEEPALIVE_INTERVAL = 5
CLASSAD_LIFETIME = 60
REQUEST_CLAIM_TIMEOUT = 30
`;
const NOTICE_THE_DEAD_KERNEL = [
  "sysctl",
  "-w",
  "net.ipv4.tcp_keepalive_intvl=2",
  "net.ipv4.tcp_keepalive_probes=4",
];

const MISFORTUNES = ["release", "power cut", "terminated by EC2", "spot interruption"] as const;
type Cause = "lease end" | (typeof MISFORTUNES)[number];

/** What befell an instance, and when. */
type Blows = Map<string, { readonly cause: Cause; readonly at: number }>;

/** One job: how often it began again, and what was lost, by what ended the node under it. */
export type JobRow = {
  readonly job: string;
  readonly round: number;
  readonly seconds: number;
  readonly completed: boolean;
  readonly restarts: number;
  readonly lost: readonly { readonly cause: Cause; readonly seconds: number }[];
};

type Planned = { readonly round: number; readonly seconds: readonly number[] };

export function plan(size: number, seed: number): Planned[] {
  const random = uniform(seed);
  const range = LONGEST_JOB_SECONDS - SHORTEST_JOB_SECONDS;
  const seconds = Array.from(
    { length: size },
    () => SHORTEST_JOB_SECONDS + Math.floor(random() * (range + 1)),
  );
  return Array.from({ length: Math.ceil(size / ROUND_JOBS) }, (_, round) => ({
    round,
    seconds: seconds.slice(round * ROUND_JOBS, (round + 1) * ROUND_JOBS),
  }));
}

/** Runs jobs in rounds while nodes come and go, and leaves out the rounds that `out` has already. */
export async function jobs({ size, seed, out }: CampaignOptions): Promise<JobRow[]> {
  const { rows, add } = results<JobRow>(out);
  const todo = plan(size, seed).filter(
    ({ round, seconds }) => rows.filter((row) => row.round === round).length < seconds.length,
  );
  if (todo.length === 0) return rows;
  const knobs = { DRAIN_SECONDS: String(DRAIN_SECONDS), IDLE: "10m", PURCHASE: "spot" };
  await withPool(NAME, knobs, { shuttingDownSeconds: 15 }, async (sandbox) => {
    await sandbox.accessPoint.run(NOTICE_THE_DEAD_KERNEL);
    await sandbox.accessPoint.configure("60-campaign.config", NOTICE_THE_DEAD);
    for (const planned of todo) {
      const done = await round(sandbox, planned, uniform(seed * 1000 + planned.round));
      for (const row of done) add(row);
    }
  });
  return rows;
}

async function round(sandbox: Sandbox, planned: Planned, random: () => number): Promise<JobRow[]> {
  const log = `round-${planned.round}.log`;
  const cluster = await submit(sandbox, planned.seconds, log);
  const blows: Blows = new Map();
  const over = new AbortController();
  const work = Promise.all([
    supply(sandbox, random, blows, over.signal),
    misfortune(sandbox, random, blows, over.signal),
  ]);
  try {
    // Work ends only by failing before the jobs have.
    await Promise.race([emptied(sandbox, cluster, planned.seconds.length, over.signal), work]);
  } finally {
    over.abort();
  }
  await work;
  const text = await sandbox.accessPoint.run(["cat", `/home/alice/${log}`]);
  const deaths = new Map((await sandbox.terminationLog()).map(({ instanceId, time }) => [instanceId, time]));
  const leases = new Map(
    (await sandbox.instances()).map(({ instanceId, tags }) => [
      instanceId,
      Number(tags["htcondor:LeaseExpiration"]),
    ]),
  );
  const blame = (instanceId: string): Cause => {
    const cause = blows.get(instanceId)?.cause ?? "lease end";
    // A release that found the node at work has ended nothing.
    const served = cause === "release" && died(instanceId) > (leases.get(instanceId) ?? 0) - DRAIN_SECONDS;
    return served ? "lease end" : cause;
  };
  const died = (instanceId: string): number => {
    const blow = blows.get(instanceId);
    return (blow?.cause === "power cut" ? blow.at : deaths.get(instanceId)) ?? Number.POSITIVE_INFINITY;
  };
  const runs = jobRuns(text);
  return planned.seconds.map((seconds, proc) => {
    const job = `${cluster}.${proc}`;
    const mine = runs.filter((run) => run.job === job);
    const lost = mine
      .filter(({ end }) => end === "lost")
      .map(({ instanceId, started, ended }) => ({
        cause: blame(instanceId),
        // What HTCondor noticed later was lost when the node died.
        seconds: Math.max(0, Math.min(ended, died(instanceId)) - started),
      }));
    const completed =
      mine.filter(({ end }) => end === "completed").length === 1 && mine.at(-1)?.end === "completed";
    return { job, round: planned.round, seconds, completed, restarts: mine.length - 1, lost };
  });
}

async function submit(sandbox: Sandbox, seconds: readonly number[], log: string): Promise<string> {
  const description = [
    "executable = /bin/sleep",
    "transfer_executable = false",
    "arguments = $(seconds)",
    "request_cpus = 1",
    "request_memory = 64",
    "request_disk = 1024",
    "should_transfer_files = yes",
    "job_lease_duration = 30",
    `log = ${log}`,
    "+MayUseAWS = true",
    `queue seconds in (${seconds.join(" ")})`,
    "",
  ].join("\n");
  const said = await sandbox.accessPoint.run(["condor_submit", "-terse", "-"], {
    user: "alice",
    stdin: description,
  });
  return said.split(".")[0] ?? "";
}

/** Until no job of the cluster is in the queue. */
async function emptied(sandbox: Sandbox, cluster: string, count: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + ROUND_SECONDS * 1000;
  let told = count;
  let lastRunning = Date.now();
  while (!signal.aborted) {
    const queue = await sandbox.accessPoint.run(["condor_q", "-allusers", cluster, "-af", "JobStatus"]);
    const statuses = queue.split("\n").filter((line) => line !== "");
    const left = statuses.length;
    if (statuses.some((status) => status !== IDLE)) lastRunning = Date.now();
    else if (left > 0 && Date.now() - lastRunning > FORGOTTEN_SECONDS * 1000) {
      console.log(`the schedd offers none of ${left} idle jobs to the negotiator: restarting it`);
      await sandbox.accessPoint.run(["condor_restart", "-schedd"]);
      lastRunning = Date.now();
    }
    if (left <= told - 10 || (left === 0 && told > 0)) {
      console.log(`${count - left} of ${count} jobs have left the queue`);
      told = left;
    }
    if (left === 0) return;
    if (Date.now() > deadline)
      throw new Error(`${left} jobs are still in the queue after ${ROUND_SECONDS} s`);
    await sleep(2000);
  }
}

const live = (instances: readonly InstanceView[]): InstanceView[] =>
  instances.filter(({ state }) => state === "pending" || state === "running");

/** Orders what is missing to so many nodes, with leases that end while jobs run. */
async function supply(
  sandbox: Sandbox,
  random: () => number,
  blows: Blows,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    // EC2 does not see that a machine has lost its power.
    const alive = live(await sandbox.instances()).filter(
      ({ instanceId }) => blows.get(instanceId)?.cause !== "power cut",
    );
    if (alive.length < NODES) {
      const range = LONGEST_LEASE_SECONDS - SHORTEST_LEASE_SECONDS;
      const lease = `${SHORTEST_LEASE_SECONDS + Math.floor(random() * range)}s`;
      // One at a time, so that leases differ.
      await updraft(sandbox, "create", ANNEX, "--count", "1", "--lease", lease, "--no-wait", "--yes");
    } else await sleep(1000);
  }
}

/** Every quarter of a minute or so something befalls a node. */
async function misfortune(
  sandbox: Sandbox,
  random: () => number,
  blows: Blows,
  signal: AbortSignal,
): Promise<void> {
  for (let turn = Math.floor(random() * MISFORTUNES.length); !signal.aborted; turn++) {
    await sleep(12_000 + random() * 8000, undefined, { signal }).catch(() => undefined);
    const running = live(await sandbox.instances()).filter(
      ({ instanceId, state }) => state === "running" && !blows.has(instanceId),
    );
    const victim = running[Math.floor(random() * running.length)];
    const cause = MISFORTUNES[turn % MISFORTUNES.length];
    if (victim === undefined || cause === undefined || signal.aborted) continue;
    const { instanceId } = victim;
    blows.set(instanceId, { cause, at: Date.now() / 1000 });
    // One that has just ended by itself suffers nothing any more.
    await befall(sandbox, instanceId, cause).catch(() => blows.delete(instanceId));
  }
}

async function befall(
  sandbox: Sandbox,
  instanceId: string,
  cause: (typeof MISFORTUNES)[number],
): Promise<void> {
  switch (cause) {
    case "release":
      return tag(sandbox, instanceId, "htcondor:Release", "surplus");
    case "power cut":
      return sandbox.machine(instanceId).powerCut();
    case "terminated by EC2":
      return terminate(sandbox, instanceId);
    case "spot interruption":
      return sandbox.interruptSpot(instanceId, NOTICE_SECONDS);
  }
}

export function jobTable(rows: readonly JobRow[]): string {
  const lost = rows.flatMap((row) => row.lost);
  const causes: readonly Cause[] = ["lease end", ...MISFORTUNES];
  const line = (name: string, of: typeof lost): (string | number)[] => {
    const seconds = of.map((one) => one.seconds);
    const sum = seconds.reduce((total, one) => total + one, 0);
    const typical = of.length === 0 ? "-" : median(seconds).toFixed(0);
    const worst = of.length === 0 ? "-" : Math.max(...seconds).toFixed(0);
    return [name, of.length, Math.round(sum), typical, worst];
  };
  return table(
    ["what ended the node", "restarts", "seconds lost", "median", "worst"],
    [
      ...causes.map((name) =>
        line(
          name,
          lost.filter(({ cause }) => cause === name),
        ),
      ),
      line("all", lost),
    ],
  );
}

async function run(options: CampaignOptions): Promise<string> {
  const rows = await jobs(options);
  const completed = rows.filter((row) => row.completed).length;
  const work = rows.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    `${completed} of ${rows.length} jobs completed once; ${work} s of work`,
    jobTable(rows),
    completed === rows.length ? "no job was lost" : `${rows.length - completed} JOBS DID NOT COMPLETE`,
  ].join("\n");
}

export const jobsCampaign: Campaign = {
  name: "jobs",
  summary:
    "jobs on five nodes whose leases end, that are released, interrupted and switched off: none is lost",
  fullSize: 100,
  run,
};
