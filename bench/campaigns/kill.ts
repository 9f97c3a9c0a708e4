import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../core/errors.ts";
import { configureHook } from "../../sandbox/demo/annex.ts";
import { submitJobs } from "../../sandbox/demo/jobs.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { tickHook } from "../hook-process.ts";
import { installProgram } from "../install-program.ts";
import { table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { WINDOWS } from "./kill-evidence.ts";
import { AIMS, killPlan, type Orderer, type Round } from "./kill-plan.ts";
import { create, killRound, LEASE_SECONDS, type KillResult, type KillWorld } from "./kill-round.ts";
import { ANNEX, updraft, withPool } from "./pool.ts";
import { results } from "./results.ts";

const NAME = "campaign-kill";
const JOBS = 5;
const JOBS_ON_AN_INSTANCE = 2;
const HOUR = 3600;
const MEASURED_SECONDS = 60;

export type KillRuns = {
  readonly out?: string | undefined;
  readonly name?: string;
  readonly tell?: (line: string) => void;
};

/** Kills the runs of a plan that are not in the file of results yet, and returns what became of their orders. */
export async function killRuns(
  plan: readonly Round[],
  { out, name = NAME, tell = () => {} }: KillRuns = {},
): Promise<KillResult[]> {
  const done = results<KillResult>(out);
  const rounds = plan.filter(({ number }) => !done.rows.some((one) => one.number === number));
  if (rounds.length === 0) return done.rows;
  // No instance ever boots: what is ordered counts, not what it does.
  const settings = { launchDelay: { kind: "constant", seconds: HOUR } } as const;
  const knobs = { MODE: "act", LEASE: `${LEASE_SECONDS}s` };
  return withPool(name, knobs, settings, async (sandbox) => {
    let world = await killWorld(sandbox);
    for (const round of rounds) {
      if (round.orderer === "hook") {
        if (world.demanded === 0) world = await demanding(world);
        await updraft(sandbox, "publish", ANNEX);
      }
      const result = await killRound(world, round);
      done.add(result);
      tell(resultLine(result));
    }
    return done.rows;
  });
}

export async function killWorld(sandbox: Sandbox): Promise<KillWorld> {
  const { accessPoint } = sandbox;
  // Ticks are started by hand, so that each can be killed.
  await configureHook(sandbox, accessPoint, `SCHEDD_CRON_UPDRAFT_PERIOD = ${HOUR}s\n`);
  const strace = await installProgram(accessPoint, "strace");
  const swept = await sandbox.invoke("updraft-enforcer", {});
  if (swept.error !== undefined) throw new Error(`the enforcer failed: ${swept.error}`);
  const hook = await ticks(sandbox, (said) => said.get("LimitedBy") === "None");
  const reached = await reach(sandbox);
  const ordered = await timed(() => accessPoint.run(create(1), { timeoutSeconds: 60 }));
  await updraft(sandbox, "delete", ANNEX, "--yes");
  return { sandbox, strace, demanded: 0, seconds: { hook: hook - reached, command: ordered - reached } };
}

/** Jobs for which the hook orders, and which stay. */
export async function demanding(world: KillWorld): Promise<KillWorld> {
  const { sandbox } = world;
  const demanded = Math.ceil(JOBS / JOBS_ON_AN_INSTANCE);
  await updraft(sandbox, "publish", ANNEX);
  await submitJobs(sandbox.accessPoint, { count: JOBS, seconds: HOUR, mayUseAws: true });
  const hook = await ticks(sandbox, (said) => said.get("Ordered") === String(demanded));
  await updraft(sandbox, "delete", ANNEX, "--yes");
  return { ...world, demanded, seconds: { ...world.seconds, hook: hook - (await reach(sandbox)) } };
}

/** What it takes to start anything on the access point from here. */
const reach = (sandbox: Sandbox): Promise<number> => timed(() => sandbox.accessPoint.run(["true"]));

/** Lets the hook look until it sees what it should; returns the seconds of that last look. */
async function ticks(sandbox: Sandbox, enough: (said: Map<string, string>) => boolean): Promise<number> {
  let complaint = "";
  for (const deadline = Date.now() + MEASURED_SECONDS * 1000; Date.now() < deadline; await sleep(500)) {
    const said = new Map<string, string>();
    const seconds = await timed(async () => {
      for (const [name, value] of await tickHook(sandbox.accessPoint, ANNEX)) said.set(name, value);
    }).catch((error: unknown) => {
      complaint = messageOf(error);
      return Number.NaN;
    });
    if (!Number.isNaN(seconds) && enough(said)) return seconds;
    complaint = said.get("Reason") ?? complaint;
  }
  throw new Error(`the hook does not see what it should: ${complaint}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

function resultLine(result: KillResult): string {
  const { number, orderer, next, aim, place, window, late, instances, instancesIntended, wrong } = result;
  const verdict = wrong.length === 0 ? "as intended" : wrong.join("; ");
  const shown = late ? ", shown late" : "";
  return `${number}: ${orderer} killed ${aim} (${place}${shown}) died ${window}; next ${next}; ${instances} of ${instancesIntended}: ${verdict}`;
}

/** Kills by aim and by the window in which the evidence shows them, and the sums that must agree. */
function killTable(results: readonly KillResult[]): string {
  const orderers: readonly Orderer[] = ["command", "hook"];
  const hits = AIMS.flatMap((aim) =>
    orderers.map((orderer) => {
      const mine = results.filter((one) => one.aim === aim && one.orderer === orderer);
      return [aim, orderer, ...WINDOWS.map((window) => mine.filter((one) => one.window === window).length)];
    }),
  );
  const sum = (of: (one: KillResult) => number): number => results.reduce((all, one) => all + of(one), 0);
  const total = WINDOWS.map((window) => sum((one) => (one.window === window ? 1 : 0)));
  const wrong = results.flatMap((one) => one.wrong.map((what) => `round ${one.number}: ${what}`));
  return [
    table(["aimed", "killed", ...WINDOWS], [...hits, ["all", "", ...total]]),
    "",
    table(
      ["", "intended", "found"],
      [
        [
          "orders in the journal at the kill",
          sum((one) => one.ordersIntended),
          sum((one) => one.ordersPlaced),
        ],
        ["instances in the end", sum((one) => one.instancesIntended), sum((one) => one.instances)],
        ["instances that lack a tag", 0, sum((one) => one.untagged)],
      ],
    ),
    "",
    wrong.length === 0 ? "nothing was ordered twice, nothing was forgotten" : wrong.join("\n"),
  ].join("\n");
}

async function run({ size, seed, out }: CampaignOptions): Promise<string> {
  const killed = await killRuns(killPlan(size, seed), { out, tell: console.log });
  const said = killTable(killed);
  if (killed.some(({ wrong }) => wrong.length > 0)) throw new Error(`not as intended\n${said}`);
  return said;
}

export const kill: Campaign = {
  name: "kill",
  summary: "create and hook killed in every window: no order twice, none forgotten",
  fullSize: 80,
  run,
};
