import { setTimeout as sleep } from "node:timers/promises";
import { configureHook } from "../../sandbox/demo/annex.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { median, table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { terminate } from "./ec2-query.ts";
import { ANNEX, withPool } from "./pool.ts";
import { results } from "./results.ts";
import { submitSleepers } from "./sleepers.ts";

const NAME = "campaign-power-off";
const JOBS = 2;
const LONGEST_SECONDS = 900;

/** What became of the jobs of one node that lost its power while EC2 said that it is terminated. */
export type PowerOff = {
  readonly round: number;
  readonly jobs: number;
  /** Seconds from the cut until the last of them was idle, and until it ran on another node. */
  readonly queued: number;
  readonly elsewhere: number;
  readonly holds: number;
};

export type Timers = {
  /** Seconds between two runs of the hook. */
  readonly periodSeconds: number;
  /** SHADOW_NOT_RESPONDING_TIMEOUT; that of the drop-in unless named. */
  readonly shadowSeconds?: number;
};

/** Cuts the power of a node with running jobs, again and again, in a pool whose hook orders by itself. */
export async function powerOff(
  name: string,
  rounds: readonly number[],
  timers: Timers,
  done: (row: PowerOff) => void,
): Promise<void> {
  const knobs = { MODE: "act", MIN_WAIT: "5s", IDLE: "30m" };
  await withPool(name, knobs, {}, async (sandbox) => {
    const { accessPoint } = sandbox;
    await accessPoint.run(["updraft", "publish", ANNEX]);
    const { periodSeconds, shadowSeconds } = timers;
    if (shadowSeconds !== undefined) {
      await accessPoint.configure("60-campaign.config", `SHADOW_NOT_RESPONDING_TIMEOUT = ${shadowSeconds}\n`);
    }
    await sandbox.invoke("updraft-enforcer", {});
    await configureHook(sandbox, accessPoint, `SCHEDD_CRON_UPDRAFT_PERIOD = ${periodSeconds}s\n`);
    for (const round of rounds) done(await cut(sandbox, round));
  });
}

async function cut(sandbox: Sandbox, round: number): Promise<PowerOff> {
  const cluster = await submitSleepers(sandbox, JOBS);
  const runs = async () => running(sandbox, cluster);
  await until(
    async () => (await runs()).filter(({ instanceId }) => instanceId !== undefined).length === JOBS,
  );
  const before = await runs();
  const victim = before[0]?.instanceId ?? "";
  const mine = before.filter(({ instanceId }) => instanceId === victim).map(({ job }) => job);
  await sandbox.machine(victim).powerCut();
  await terminate(sandbox, victim);
  const began = performance.now();
  const since = (): number => (performance.now() - began) / 1000;
  const theirs = async () => (await runs()).filter(({ job }) => mine.includes(job));
  await until(async () => (await theirs()).every(({ instanceId }) => instanceId !== victim));
  const queued = since();
  await until(async () =>
    (await theirs()).every(({ instanceId }) => instanceId !== undefined && instanceId !== victim),
  );
  const elsewhere = since();
  const holds = (await theirs()).reduce((sum, one) => sum + one.holds, 0);
  await sandbox.accessPoint.run(["condor_rm", cluster]);
  await until(async () => (await runs()).length === 0);
  return { round, jobs: mine.length, queued, elsewhere, holds };
}

type Run = { readonly job: string; readonly instanceId: string | undefined; readonly holds: number };

/** Every job of the cluster, with the instance that the schedd believes it to run on. */
async function running({ accessPoint }: Sandbox, cluster: string): Promise<Run[]> {
  const attributes = ["ProcId", "RemoteHost", "NumHolds"];
  const said = await accessPoint.run(["condor_q", "-allusers", cluster, "-af", ...attributes]);
  return said
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [job = "", host = "", holds] = line.split(" ");
      return { job, instanceId: /i-[0-9a-f]+/.exec(host)?.[0], holds: Number(holds) || 0 };
    });
}

async function until(reached: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + LONGEST_SECONDS * 1000; !(await reached());) {
    if (Date.now() > deadline) throw new Error(`not so after ${LONGEST_SECONDS} s`);
    await sleep(500);
  }
}

export function powerOffTable(rows: readonly PowerOff[]): string {
  const line = (name: string, of: (row: PowerOff) => number): (string | number)[] => {
    const values = rows.map(of);
    return [name, values.length, median(values).toFixed(0), Math.max(...values).toFixed(0)];
  };
  const holds = rows.reduce((sum, row) => sum + row.holds, 0);
  return [
    table(
      ["seconds from the cut", "times", "median", "worst"],
      [line("in the queue again", (row) => row.queued), line("running elsewhere", (row) => row.elsewhere)],
    ),
    `${holds} jobs were held`,
  ].join("\n");
}

async function run({ size, out }: CampaignOptions): Promise<string> {
  const { rows, add } = results<PowerOff>(out);
  const left = Array.from({ length: size }, (_, round) => round).slice(rows.length);
  if (left.length > 0)
    await powerOff(NAME, left, { periodSeconds: 60 }, (row) => {
      add(row);
      console.log(`round ${row.round}: elsewhere after ${row.elsewhere.toFixed(0)} s`);
    });
  return powerOffTable(rows);
}

export const powerOffCampaign: Campaign = {
  name: "power-off",
  summary: "a node with running jobs loses its power: how soon they run elsewhere",
  fullSize: 3,
  run,
};
