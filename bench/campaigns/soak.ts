import { uniform } from "../../sandbox/cloud/random.ts";
import { configureHook } from "../../sandbox/demo/annex.ts";
import { submitJobs } from "../../sandbox/demo/jobs.ts";
import type { Sandbox, SandboxMachine } from "../../sandbox/sandbox.ts";
import { AS_HOOK, HOOK } from "../hook-process.ts";
import { installProgram } from "../install-program.ts";
import { median, table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { ANNEX, updraft, withPool } from "./pool.ts";

const NAME = "campaign-soak";
/** A row of the table for so many runs; a short soak has ten rows. */
const ROW_RUNS = 200;
/** The queue changes so often. */
const CHANGE_RUNS = 20;
const MOST_JOBS = 200;
const HOUR = 3600;

/** A stretch of runs: its medians, and what there is at its end. */
export type SoakRow = {
  readonly runs: number;
  readonly failed: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Of the largest process, megabytes. */
  readonly megabytes: number;
  /** Of the state directory without the histories, which are bounded by their own files. */
  readonly stateBytes: number;
  readonly historyBytes: number;
  readonly files: number;
  readonly scheddMegabytes: number;
  /** CPU seconds of the schedd's own process for each run. */
  readonly scheddSeconds: number;
};

/** Runs of the hook, one after the other, while jobs come and go. Instances are ordered, and none ever boots. */
export async function soak(
  runs: number,
  seed: number,
  { name = NAME, tell = () => {} }: { readonly name?: string; readonly tell?: (row: SoakRow) => void } = {},
): Promise<SoakRow[]> {
  const settings = { launchDelay: { kind: "constant", seconds: HOUR } } as const;
  return withPool(name, { MODE: "act", LEASE: "5m", MIN_WAIT: "1s" }, settings, async (sandbox) => {
    const { accessPoint } = sandbox;
    await configureHook(sandbox, accessPoint, "SCHEDD_CRON_UPDRAFT_PERIOD = 1h\n");
    const time = await installProgram(accessPoint, "time");
    await sandbox.invoke("updraft-enforcer", {});
    await updraft(sandbox, "publish", ANNEX);
    const random = uniform(seed);
    const rows: SoakRow[] = [];
    const rowRuns = Math.min(ROW_RUNS, Math.ceil(runs / 10));
    for (let done = 0; done < runs; done += rowRuns) {
      const row = await stretch(sandbox, time, random, done, rowRuns);
      rows.push(row);
      tell(row);
    }
    return rows;
  });
}

async function stretch(
  sandbox: Sandbox,
  time: string,
  random: () => number,
  done: number,
  runs: number,
): Promise<SoakRow> {
  const { accessPoint } = sandbox;
  const before = await scheddUse(accessPoint);
  const costs: { wall: number; cpu: number; megabytes: number; failed: boolean }[] = [];
  for (let run = done; run < done + runs; run++) {
    if (run % CHANGE_RUNS === 0) await changeQueue(accessPoint, random);
    costs.push(await cost(accessPoint, time));
  }
  const after = await scheddUse(accessPoint);
  const files = await stateFiles(accessPoint);
  const bytes = (wanted: (name: string) => boolean): number =>
    files.reduce((sum, { name, size }) => sum + (wanted(name) ? size : 0), 0);
  return {
    runs: done + runs,
    failed: costs.filter(({ failed }) => failed).length,
    wallSeconds: median(costs.map(({ wall }) => wall)),
    cpuSeconds: median(costs.map(({ cpu }) => cpu)),
    megabytes: Math.max(...costs.map(({ megabytes }) => megabytes)),
    stateBytes: bytes((name) => !name.endsWith(".jsonl")),
    historyBytes: bytes((name) => name.endsWith(".jsonl")),
    files: files.length,
    scheddMegabytes: after.megabytes,
    scheddSeconds: (after.cpu - before.cpu) / runs,
  };
}

/** Jobs come, or all go. */
async function changeQueue(accessPoint: SandboxMachine, random: () => number): Promise<void> {
  if (random() < 0.3) await accessPoint.run(["condor_rm", "-all"]);
  else {
    const count = 1 + Math.floor(MOST_JOBS * random());
    const lines = [
      "requirements = TARGET.IsAnnex",
      `request_memory = ${64 * (1 + Math.floor(4 * random()))}`,
    ];
    await submitJobs(accessPoint, { count, seconds: HOUR, mayUseAws: true, lines });
  }
}

async function cost(
  accessPoint: SandboxMachine,
  time: string,
): Promise<{ wall: number; cpu: number; megabytes: number; failed: boolean }> {
  const { exitCode, stderr } = await accessPoint.exec([time, "-f", "%e %U %S %M", HOOK], AS_HOOK);
  const [wall = Number.NaN, user = Number.NaN, system = Number.NaN, kilobytes = Number.NaN] =
    stderr.trim().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  return { wall, cpu: user + system, megabytes: kilobytes / 1000, failed: exitCode !== 0 };
}

const CLOCK_TICKS = 100;

async function scheddUse(accessPoint: SandboxMachine): Promise<{ cpu: number; megabytes: number }> {
  const script = "id=$(pgrep -x condor_schedd | head -1); cat /proc/$id/stat; grep VmRSS /proc/$id/status";
  const [stat = "", memory = ""] = (await accessPoint.run(["sh", "-c", script])).split("\n");
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  return {
    cpu: ((fields[11] ?? 0) + (fields[12] ?? 0)) / CLOCK_TICKS,
    megabytes: Number(/(\d+) kB/.exec(memory)?.[1] ?? 0) / 1000,
  };
}

async function stateFiles(accessPoint: SandboxMachine): Promise<{ name: string; size: number }[]> {
  const text = await accessPoint.run(["find", "/var/lib/updraft", "-type", "f", "-printf", "%s %f\n"]);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ name: line.slice(line.indexOf(" ") + 1), size: Number.parseInt(line, 10) }));
}

function soakTable(rows: readonly SoakRow[]): string {
  return table(
    [
      "runs",
      "failed",
      "wall ms",
      "CPU ms",
      "peak MB",
      "state bytes",
      "history kB",
      "files",
      "schedd MB",
      "schedd ms a run",
    ],
    rows.map((one) => [
      one.runs,
      one.failed,
      Math.round(1000 * one.wallSeconds),
      Math.round(1000 * one.cpuSeconds),
      Math.round(one.megabytes),
      one.stateBytes,
      Math.round(one.historyBytes / 1000),
      one.files,
      one.scheddMegabytes.toFixed(1),
      (1000 * one.scheddSeconds).toFixed(1),
    ]),
  );
}

async function run({ size, seed }: CampaignOptions): Promise<string> {
  return soakTable(await soak(size, seed, { tell: (row) => console.log(JSON.stringify(row)) }));
}

export const soakCampaign: Campaign = {
  name: "soak",
  summary: "runs of the hook under a changing queue: time, memory, files, and what they cost the schedd",
  fullSize: 2000,
  run,
};
