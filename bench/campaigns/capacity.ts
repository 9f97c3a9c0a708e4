import { readFileSync } from "node:fs";
import { annexKnobs, configureAnnexes } from "../../sandbox/demo/annex.ts";
import { finishedJobs, submitJobs } from "../../sandbox/demo/jobs.ts";
import { holdings } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";

const NAME = "campaign-capacity";
const ANNEX = "burst";
const SECONDS_AT_MOST = 600;
const KILOBYTES_PER_MB = 1000;

/** What one order of many nodes took. */
export type CapacityResult = {
  readonly nodes: number;
  readonly joinedSeconds: number;
  readonly jobs: number;
  readonly jobsSeconds: number;
  readonly instancesUsed: number;
  readonly deletedSeconds: number;
  /** Proportional share of memory of the nodes' processes. */
  readonly megabytes: number;
};

/** One order for as many nodes as the size says, two jobs for each, and all of it taken away again. */
export async function fillSandbox(nodes: number): Promise<CapacityResult> {
  await down(NAME);
  const sandbox = await up({ name: NAME });
  try {
    const { accessPoint } = sandbox;
    const knobs = { ...(await annexKnobs(sandbox)), MAX_INSTANCES: String(nodes) };
    await configureAnnexes(accessPoint, { [ANNEX]: knobs });
    await updraft(sandbox, "setup", "--region", "us-east-1");
    await updraft(sandbox, "setup", "--annex", ANNEX);
    const others = new Set((await holdings(sandbox.directory)).pids);
    const order = ["create", ANNEX, "--count", String(nodes), "--lease", "1h", "--yes"];
    const joinedSeconds = await seconds(() => updraft(sandbox, ...order));
    const megabytes = Math.round(await memory(sandbox, others));
    const jobs = 2 * nodes;
    let cluster = "";
    const jobsSeconds = await seconds(async () => {
      cluster = await submitJobs(accessPoint, { count: jobs, seconds: 1, mayUseAws: true });
      await accessPoint.run(["sh", "-c", ALL_DONE, "sh", cluster], { timeoutSeconds: SECONDS_AT_MOST });
    });
    const done = await finishedJobs(accessPoint, cluster);
    const failed = done.filter(({ exitCode }) => exitCode !== "0").length;
    if (done.length !== jobs || failed > 0)
      throw new Error(`${done.length} of ${jobs} jobs done, ${failed} failed`);
    const deletedSeconds = await seconds(() => updraft(sandbox, "delete", ANNEX, "--yes"));
    const instancesUsed = new Set(done.map(({ instanceId }) => instanceId)).size;
    return { nodes, joinedSeconds, megabytes, jobs, jobsSeconds, instancesUsed, deletedSeconds };
  } finally {
    await sandbox.down();
  }
}

const ALL_DONE = 'until [ -z "$(condor_q -allusers "$1" -af ClusterId)" ]; do sleep 0.2; done';

async function updraft(sandbox: Sandbox, ...args: readonly string[]): Promise<void> {
  await sandbox.accessPoint.run(["updraft", ...args], { timeoutSeconds: SECONDS_AT_MOST });
}

/** Megabytes of the sandbox's processes but the others; what they share counts once. */
async function memory(sandbox: Sandbox, others: ReadonlySet<number>): Promise<number> {
  const pids = (await holdings(sandbox.directory)).pids.filter((pid) => !others.has(pid));
  const kilobytes = pids.map((pid) => {
    try {
      return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      return 0; // It has ended meanwhile.
    }
  });
  return kilobytes.reduce((sum, one) => sum + one, 0) / KILOBYTES_PER_MB;
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

async function run({ size }: CampaignOptions): Promise<string> {
  const result = await fillSandbox(size);
  const rows = [
    ["order → all joined", `${result.joinedSeconds.toFixed(1)} s`],
    ["memory of the nodes", `${result.megabytes} MB`],
    [`${result.jobs} jobs of 1 s`, `${result.jobsSeconds.toFixed(1)} s`],
    ["instances that ran one", `${result.instancesUsed} of ${result.nodes}`],
    ["delete → all gone", `${result.deletedSeconds.toFixed(1)} s`],
  ];
  return table([`${result.nodes} nodes at once`, "measured"], rows);
}

export const capacity: Campaign = {
  name: "capacity",
  summary: "many nodes in one sandbox: joined, at work, gone",
  fullSize: 60,
  run,
};
