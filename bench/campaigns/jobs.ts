import { setTimeout as sleep } from "node:timers/promises";
import { uniform } from "../../sandbox/cloud/random.ts";
import type { InstanceView } from "../../sandbox/cloud/ports.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { tag, terminate } from "./ec2-query.ts";
import {
  CHECKPOINT_SECONDS,
  JOB_KINDS,
  jobDescription,
  lostSeconds,
  WORK,
  type JobKind,
} from "./checkpoint-job.ts";
import { jobRuns } from "./job-events.ts";
import { jobTable, MISFORTUNES, worstInOrder, type Cause, type JobRow } from "./job-table.ts";
import { ANNEX, updraft, withPool } from "./pool.ts";
import { results } from "./results.ts";

const NAME = "campaign-jobs";
const NODES = 6;
const ROUND_JOBS = 50;
const ROUND_SECONDS = 900;
/** JobStatus of an idle job. */
const IDLE = "1";
/**
 * HTCondor 23.9 sometimes forgets to offer a job again whose claim on a dead node timed out; the job stays in the queue
 * and idle, on free nodes too, until the schedd is restarted.
 */
const FORGOTTEN_SECONDS = 90;
const HOME = "/home/alice";
const WORK_FILE = `${HOME}/work`;
/** What the schedd believes of such jobs. */
const BELIEFS = ["JobStatus", "LastMatchTime", "LastRejMatchTime", "LastRejMatchReason", "NumShadowStarts"];
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
  // Of what was on its way when the power went: keepalive asks only where nothing is.
  "net.ipv4.tcp_retries2=5",
];

/** What befell an instance, and when. */
type Blows = Map<string, { readonly cause: Cause; readonly at: number }>;

type PlannedJob = { readonly seconds: number; readonly kind: JobKind };
type Planned = { readonly round: number; readonly jobs: readonly PlannedJob[] };

export function plan(size: number, seed: number): Planned[] {
  const random = uniform(seed);
  const range = LONGEST_JOB_SECONDS - SHORTEST_JOB_SECONDS;
  const all = Array.from({ length: size }, (_, index) => ({
    seconds: SHORTEST_JOB_SECONDS + Math.floor(random() * (range + 1)),
    kind: JOB_KINDS[index % JOB_KINDS.length] ?? JOB_KINDS[0],
  }));
  return Array.from({ length: Math.ceil(size / ROUND_JOBS) }, (_, round) => ({
    round,
    jobs: all.slice(round * ROUND_JOBS, (round + 1) * ROUND_JOBS),
  }));
}

/** Runs jobs in rounds while nodes come and go, and leaves out the rounds that `out` has already. */
export async function jobs({ size, seed, out }: CampaignOptions): Promise<JobRow[]> {
  const { rows, add } = results<JobRow>(out);
  const todo = plan(size, seed).filter(
    (planned) => rows.filter(({ round }) => round === planned.round).length < planned.jobs.length,
  );
  if (todo.length === 0) return rows;
  const knobs = { DRAIN_SECONDS: String(DRAIN_SECONDS), IDLE: "10m", PURCHASE: "spot" };
  await withPool(NAME, knobs, { shuttingDownSeconds: 15 }, async (sandbox) => {
    await sandbox.accessPoint.run(NOTICE_THE_DEAD_KERNEL);
    await sandbox.accessPoint.configure("60-campaign.config", NOTICE_THE_DEAD);
    await sandbox.accessPoint.writeFile(WORK_FILE, WORK, { mode: "755" });
    for (const planned of todo) {
      const done = await round(sandbox, planned, uniform(seed * 1000 + planned.round));
      for (const row of done) add(row);
    }
  });
  return rows;
}

async function round(sandbox: Sandbox, planned: Planned, random: () => number): Promise<JobRow[]> {
  const log = `round-${planned.round}.log`;
  const submitted = await submit(sandbox, planned.jobs, log);
  const blows: Blows = new Map();
  const over = new AbortController();
  const work = Promise.all([
    supply(sandbox, random, blows, over.signal),
    misfortune(sandbox, random, blows, over.signal),
  ]);
  try {
    // Work ends only by failing before the jobs have.
    await Promise.race([emptied(sandbox, log, planned.jobs.length, over.signal), work]);
  } finally {
    over.abort();
  }
  await work;
  const text = await sandbox.accessPoint.run(["cat", `${HOME}/${log}`]);
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
  // What HTCondor noticed later was lost when the node died.
  const runs = jobRuns(text).map((run) => ({ ...run, ended: Math.min(run.ended, died(run.instanceId)) }));
  return Promise.all(
    submitted.map(async ({ job, seconds, kind }): Promise<JobRow> => {
      const mine = runs.filter((run) => run.job === job);
      const notes = await sandbox.accessPoint.exec(["cat", `${HOME}/trail.${job}`]);
      const each = lostSeconds(mine, notes.stdout);
      const lost = mine.flatMap(({ end, instanceId }, index) =>
        end === "lost" ? [{ cause: blame(instanceId), seconds: each[index] ?? 0 }] : [],
      );
      const completed =
        mine.filter(({ end }) => end === "completed").length === 1 && mine.at(-1)?.end === "completed";
      return { job, round: planned.round, kind, seconds, completed, restarts: mine.length - 1, lost };
    }),
  );
}

type SubmittedJob = PlannedJob & { readonly job: string };

/** A cluster for each kind of job. */
async function submit(sandbox: Sandbox, jobs: readonly PlannedJob[], log: string): Promise<SubmittedJob[]> {
  const submitted: SubmittedJob[] = [];
  for (const [kind, alike] of Map.groupBy(jobs, (job) => job.kind)) {
    const description = [
      ...jobDescription(kind, WORK_FILE),
      "request_cpus = 1",
      "job_lease_duration = 30",
      `log = ${log}`,
      "+MayUseAWS = true",
      `+Round = ${JSON.stringify(log)}`,
      `queue seconds in (${alike.map(({ seconds }) => seconds).join(" ")})`,
      "",
    ].join("\n");
    const said = await sandbox.accessPoint.run(["condor_submit", "-terse", "-"], {
      user: "alice",
      stdin: description,
    });
    const cluster = said.split(".")[0] ?? "";
    submitted.push(...alike.map((job, proc) => ({ ...job, job: `${cluster}.${proc}` })));
  }
  return submitted;
}

/** Until no job of the round is in the queue. */
async function emptied(sandbox: Sandbox, log: string, count: number, signal: AbortSignal): Promise<void> {
  const constraint = `Round == ${JSON.stringify(log)}`;
  const deadline = Date.now() + ROUND_SECONDS * 1000;
  let told = count;
  let lastRunning = Date.now();
  while (!signal.aborted) {
    const queue = await sandbox.accessPoint.run([
      "condor_q",
      "-allusers",
      "-constraint",
      constraint,
      "-af",
      "JobStatus",
    ]);
    const statuses = queue.split("\n").filter((line) => line !== "");
    const left = statuses.length;
    if (statuses.some((status) => status !== IDLE)) lastRunning = Date.now();
    else if (left > 0 && Date.now() - lastRunning > FORGOTTEN_SECONDS * 1000) {
      console.log(`the schedd offers none of ${left} idle jobs to the negotiator: restarting it`);
      console.log(await sandbox.accessPoint.run(["condor_q", "-allusers", "-af:jh", ...BELIEFS]));
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

async function run(options: CampaignOptions): Promise<string> {
  const began = Date.now();
  const rows = await jobs(options);
  const completed = rows.filter((row) => row.completed).length;
  const work = rows.reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    `${completed} of ${rows.length} jobs completed once; ${work} s of work in ${Math.round((Date.now() - began) / 60_000)} min`,
    jobTable(rows),
    `jobs that save every ${CHECKPOINT_SECONDS} s lost at most ${worstInOrder(rows).toFixed(0)} s at an end in order`,
    completed === rows.length ? "no job was lost" : `${rows.length - completed} JOBS DID NOT COMPLETE`,
  ].join("\n");
}

export const jobsCampaign: Campaign = {
  name: "jobs",
  summary:
    "jobs on six nodes whose leases end, that are released, interrupted and switched off: none is lost",
  fullSize: 200,
  run,
};
