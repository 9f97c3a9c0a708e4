import { setTimeout as sleep } from "node:timers/promises";
import { configureHook } from "../sandbox/demo/annex.ts";
import type { Sandbox, SandboxMachine } from "../sandbox/sandbox.ts";
import { ANNEX, updraft, withPool } from "./campaigns/pool.ts";
import { AS_HOOK, HOOK, tickHook } from "./hook-process.ts";
import { installProgram } from "./install-program.ts";
import { median, quantile, table } from "./table.ts";

const NAME = "bench-hook";
const ENFORCER = "updraft-enforcer";
const NODES = 60;
const SHAPES = 10;
const JOBS_OF_A_SHAPE = 100;
const SETTLED_SECONDS = 120;

/** One tick as the kernel accounts for it, the condor programs that it runs included; memory is the largest process's. */
type Cost = { readonly wall: number; readonly cpu: number; readonly megabytes: number };

/** What a tick of the hook costs on a real schedd, without and with jobs and nodes, and what a sweep of the enforcer takes. */
export async function hookBench(runs: number): Promise<string> {
  return withPool(NAME, { MODE: "advise" }, {}, async (sandbox) => {
    const { accessPoint } = sandbox;
    await configureHook(sandbox, accessPoint, "SCHEDD_CRON_UPDRAFT_PERIOD = 1h\n");
    const time = await installProgram(accessPoint, "time");
    await sandbox.invoke(ENFORCER, {});
    await seen(accessPoint, "JobsIdle", 0);

    const sweeps = new Map([["no instance", await sweepSeconds(sandbox, runs)]]);
    const costs = new Map(await alternating(accessPoint, time, runs, "no node"));
    await updraft(sandbox, "create", ANNEX, "--count", String(NODES), "--lease", "30m", "--yes");
    await seen(accessPoint, "Joined", NODES);
    for (const [name, cost] of await alternating(accessPoint, time, runs, `${NODES} nodes`))
      costs.set(name, cost);
    sweeps.set(`${NODES} instances`, await sweepSeconds(sandbox, runs));
    return [
      `${runs} ticks each in mode advise, alternating between no jobs and ${SHAPES * JOBS_OF_A_SHAPE} of ${SHAPES} shapes`,
      costTable(costs),
      "",
      `${runs} sweeps of the enforcer each, from its call to its answer`,
      table(
        ["enforcer", "median ms", "p95 ms"],
        [...sweeps].map(([name, seconds]) => [name, thousandths(median(seconds)), p95(seconds)]),
      ),
    ].join("\n");
  });
}

/** Measures an idle queue and a long one by turns, so that what else the machine does hits both. */
async function alternating(
  accessPoint: SandboxMachine,
  time: string,
  runs: number,
  nodes: string,
): Promise<[string, Cost[]][]> {
  const idle: Cost[] = [];
  const queued: Cost[] = [];
  for (let run = 0; run < runs; run++) {
    idle.push(await tickCost(accessPoint, time));
    await accessPoint.run(["condor_submit", "-terse", "-"], { user: "alice", stdin: SUBMISSION });
    await seen(accessPoint, "JobsIdle", SHAPES * JOBS_OF_A_SHAPE);
    queued.push(await tickCost(accessPoint, time));
    await accessPoint.run(["condor_rm", "-all"]);
    await seen(accessPoint, "JobsIdle", 0);
  }
  return [
    [`${nodes}, no job`, idle],
    [`${nodes}, ${SHAPES * JOBS_OF_A_SHAPE} idle jobs`, queued],
  ];
}

/** Jobs that opt in and that no node suits, so that they stay. */
const SUBMISSION = [
  "executable = /bin/true",
  "transfer_executable = false",
  "request_cpus = 1",
  "request_disk = 1024",
  "requirements = TARGET.NoSuchAttribute =?= true",
  "log = /dev/null",
  "+MayUseAWS = true",
  ...Array.from({ length: SHAPES }, (_, i) => `request_memory = ${64 * (i + 1)}\nqueue ${JOBS_OF_A_SHAPE}`),
  "",
].join("\n");

async function tickCost(accessPoint: SandboxMachine, time: string): Promise<Cost> {
  const command = [time, "-f", "%e %U %S %M", HOOK];
  const { exitCode, stdout, stderr } = await accessPoint.exec(command, AS_HOOK);
  if (exitCode !== 0) throw new Error(`the hook ended with status ${exitCode}: ${stderr}${stdout}`);
  const [wall = Number.NaN, user = Number.NaN, system = Number.NaN, kilobytes = Number.NaN] =
    stderr.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  return { wall, cpu: user + system, megabytes: kilobytes / 1000 };
}

/** Waits until a tick sees so many of something. */
async function seen(accessPoint: SandboxMachine, name: string, count: number): Promise<void> {
  let found: string | undefined;
  for (const deadline = Date.now() + SETTLED_SECONDS * 1000; Date.now() < deadline; await sleep(500)) {
    found = await tickHook(accessPoint, ANNEX).then(
      (said) => said.get(name),
      (error: unknown) => String(error),
    );
    if (found === String(count)) return;
  }
  throw new Error(`the hook does not see ${name} = ${count}: ${found}`);
}

async function sweepSeconds(sandbox: Sandbox, runs: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const begun = performance.now();
    const { error } = await sandbox.invoke(ENFORCER, {});
    if (error !== undefined) throw new Error(`the enforcer failed: ${error}`);
    seconds.push((performance.now() - begun) / 1000);
  }
  return seconds;
}

const thousandths = (seconds: number): number => Math.round(1000 * seconds);
const p95 = (seconds: readonly number[]): number => thousandths(quantile(seconds, 0.95));

function costTable(costs: ReadonlyMap<string, readonly Cost[]>): string {
  const rows = [...costs].map(([name, all]) => {
    const wall = all.map((one) => one.wall);
    const cpu = all.map((one) => one.cpu);
    const megabytes = Math.max(...all.map((one) => one.megabytes));
    return [
      name,
      thousandths(median(wall)),
      p95(wall),
      thousandths(median(cpu)),
      p95(cpu),
      Math.round(megabytes),
    ];
  });
  return table(["tick", "wall ms", "p95", "CPU ms", "p95", "peak MB"], rows);
}
