import { setTimeout as delay } from "node:timers/promises";
import { annexKnobs, configureAnnexes, configureHook } from "../../sandbox/demo/annex.ts";
import { submitJobs } from "../../sandbox/demo/jobs.ts";
import { observe, type Sample } from "../../sandbox/demo/observe.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";

export const ANNEX = "burst";
export const LEASE_SECONDS = 3600;
export const IDLE_SECONDS = 60;
/** HTCondor runs the hook so often here, and negotiates. */
export const TICK_SECONDS = 5;
/** What stands for an hour of the seed's law. */
export const PERIOD_SECONDS = 30;
const SAMPLE_SECONDS = 2;
const LONGEST_SECONDS = 1800;

/** So many jobs that come together, seconds after the beginning. */
export type Submission = { readonly at: number; readonly count: number; readonly seconds: number };

/** A burst, a steady stream, silence, a burst, and silence; the stream's jobs are of different lengths by the seed. */
export function submissions(seconds: number, burst: number, seed: number): Submission[] {
  const from = Math.round(seconds * 0.25);
  const until = Math.round(seconds * 0.6);
  const stream: Submission[] = [];
  for (let at = from, i = seed; at < until; at += 8, i++)
    stream.push({ at, count: 1, seconds: 30 + ((i * 7) % 21) });
  return [
    { at: 0, count: burst, seconds: 40 },
    ...stream,
    { at: Math.round(seconds * 0.75), count: burst, seconds: 40 },
  ];
}

export type Measured = {
  readonly samples: readonly Sample[];
  /** Σ over jobs, from submission to start. */
  readonly waitSeconds: number;
  readonly jobs: number;
  readonly machineSeconds: number;
  readonly launches: number;
  /** From launch to the first sight in the pool. */
  readonly boots: readonly number[];
};

/** Who orders: the hook in mode act, or the seed's law by hand while the hook only looks. */
export type Orders = "hook" | "seed";

/** Both stacks, the hook with its credentials, and the annex. */
export async function prepare(sandbox: Sandbox): Promise<void> {
  const { accessPoint } = sandbox;
  await configure(sandbox, "seed");
  await accessPoint.run(["updraft", "setup", "--region", "us-east-1"], { timeoutSeconds: 300 });
  await accessPoint.run(["updraft", "setup", "--annex", ANNEX], { timeoutSeconds: 300 });
  await accessPoint.run(["updraft", "publish", ANNEX], { timeoutSeconds: 60 });
  await configureHook(sandbox, accessPoint, `SCHEDD_CRON_UPDRAFT_PERIOD = ${TICK_SECONDS}s\n`);
  const { error } = await sandbox.invoke("updraft-enforcer", {});
  if (error !== undefined) throw new Error(`the enforcer failed: ${error}`);
}

async function configure(sandbox: Sandbox, orders: Orders, idleSeconds = IDLE_SECONDS): Promise<void> {
  await configureAnnexes(sandbox.accessPoint, {
    [ANNEX]: {
      ...(await annexKnobs(sandbox)),
      MODE: orders === "hook" ? "act" : "advise",
      LEASE: `${LEASE_SECONDS}s`,
      IDLE: `${idleSeconds}s`,
      MAX_INSTANCES: "30",
    },
  });
}

/** Submits the jobs at their times and looks on until all are done and every instance has ended. */
export async function runLoop(
  sandbox: Sandbox,
  plan: readonly Submission[],
  orders: Orders,
  idleSeconds = IDLE_SECONDS,
): Promise<Measured> {
  const { accessPoint } = sandbox;
  await configure(sandbox, orders, idleSeconds);
  await accessPoint.run(["rm", "-f", "/var/lib/updraft/state.json"]);
  const before = new Set((await sandbox.instances()).map(({ instanceId }) => instanceId));
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const samples: Sample[] = [];
  const joined = new Set<string>();
  const joinedAt = new Map<string, number>();
  const clusters: string[] = [];
  let next = 0;
  let ordered = 0;
  let carried = 0;
  for (;;) {
    if (elapsed() > LONGEST_SECONDS) throw new Error(`the loop did not end within ${LONGEST_SECONDS} s`);
    while ((plan[next]?.at ?? Number.POSITIVE_INFINITY) <= elapsed()) {
      const { count, seconds } = plan[next++] ?? { count: 0, seconds: 0 };
      clusters.push(await submitJobs(accessPoint, { count, seconds, mayUseAws: true }));
    }
    const sample = await observe(sandbox, ANNEX, elapsed(), joined);
    samples.push(sample);
    const now = Date.now() / 1000;
    for (const id of joined) if (!joinedAt.has(id)) joinedAt.set(id, now);
    if (orders === "seed" && elapsed() >= ordered * PERIOD_SECONDS) {
      ordered++;
      const wanted = sample.queued / 2 + (sample.queued === 0 ? 0 : carried);
      carried = wanted - Math.floor(wanted);
      if (wanted >= 1) await create(sandbox, Math.floor(wanted));
    }
    const alive = (await sandbox.instances()).filter(
      ({ instanceId, state }) => !before.has(instanceId) && state !== "terminated",
    );
    if (next >= plan.length && sample.queued + sample.busy === 0 && alive.length === 0) break;
    await delay(SAMPLE_SECONDS * 1000);
  }
  const ends = new Map((await sandbox.terminationLog()).map(({ instanceId, time }) => [instanceId, time]));
  const ours = (await sandbox.instances()).filter(({ instanceId }) => !before.has(instanceId));
  const paid = ours.map(({ instanceId, launched }) => (ends.get(instanceId) ?? launched) - launched);
  const waits = await waited(sandbox, clusters);
  return {
    samples,
    jobs: waits.length,
    waitSeconds: sum(waits),
    machineSeconds: sum(paid),
    launches: ours.length,
    boots: ours.flatMap(({ instanceId, launched }) => {
      const at = joinedAt.get(instanceId);
      return at === undefined ? [] : [at - launched];
    }),
  };
}

async function create(sandbox: Sandbox, count: number): Promise<void> {
  const order = ["updraft", "create", ANNEX, "--count", String(count), "--no-wait", "--yes"];
  await sandbox.accessPoint.run(order, { timeoutSeconds: 120 });
}

async function waited(sandbox: Sandbox, clusters: readonly string[]): Promise<number[]> {
  const constraint = clusters.map((cluster) => `ClusterId == ${cluster}`).join(" || ");
  const command = ["condor_history", "-constraint", constraint, "-af", "QDate", "JobStartDate"];
  const out = await sandbox.accessPoint.run(command);
  return out
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [submitted = 0, started = 0] = line.split(" ").map(Number);
      return started - submitted;
    });
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
