import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, InstanceView } from "../../sandbox/cloud/ports.ts";
import { uniform } from "../../sandbox/cloud/random.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { AS_HOOK, HOOK } from "../hook-process.ts";
import { table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { terminate } from "./ec2-query.ts";
import { evidence, journalFiles, WINDOWS, windowOf, type Window } from "./kill-evidence.ts";
import { AIMS, type Aim } from "./kill-plan.ts";
import { killed, LEASE_SECONDS, type KillWorld } from "./kill-round.ts";
import { demanding, killWorld } from "./kill.ts";
import { ANNEX, updraft, withPool } from "./pool.ts";
import { results } from "./results.ts";
import { liabilityOf, live } from "./spend.ts";

const NAME = "campaign-kill-faults";
const KILLS_IN_A_ROW = 4;
/** Room for the three instances that the jobs need, and for no fourth. */
const MAX_LIABILITY = 0.06;
const LATE_SECONDS = 4;
const SETTLED_SECONDS = 90;

/** Some kills in a row while EC2 throttles, loses answers and shows late what it launched. */
export type FaultyRound = {
  readonly number: number;
  readonly aims: readonly Aim[];
  readonly chances: readonly number[];
};

export type FaultyResult = {
  readonly number: number;
  readonly kills: readonly { readonly aim: Aim; readonly window: Window }[];
  /** How often a fault struck. */
  readonly faults: number;
  readonly instances: number;
  /** USD, the most at any look, by the cloud's own list. */
  readonly liability: number;
  readonly wrong: readonly string[];
};

export function faultyPlan(kills: number, seed: number): FaultyRound[] {
  const random = uniform(seed);
  return Array.from({ length: Math.ceil(kills / KILLS_IN_A_ROW) }, (_, number) => ({
    number,
    aims: AIMS.map((_aim, i) => AIMS[(number + i) % AIMS.length] ?? "at random"),
    chances: AIMS.map(() => random()),
  }));
}

export type FaultyRuns = {
  readonly out?: string | undefined;
  readonly name?: string;
  readonly tell?: (line: string) => void;
};

export async function faultyRuns(
  plan: readonly FaultyRound[],
  { out, name = NAME, tell = () => {} }: FaultyRuns = {},
): Promise<FaultyResult[]> {
  const done = results<FaultyResult>(out);
  const rounds = plan.filter(({ number }) => !done.rows.some((one) => one.number === number));
  if (rounds.length === 0) return done.rows;
  // No instance ever boots: what is ordered counts, not what it does.
  const settings = { launchDelay: { kind: "constant", seconds: 3600 } } as const;
  const knobs = { MODE: "act", LEASE: `${LEASE_SECONDS}s`, MAX_LIABILITY: String(MAX_LIABILITY) };
  return withPool(name, knobs, settings, async (sandbox) => {
    const world = { ...(await demanding(await killWorld(sandbox))), faulty: true };
    await updraft(sandbox, "publish", ANNEX);
    for (const round of rounds) {
      const result = await faultyRound(world, round);
      done.add(result);
      tell(resultLine(result));
    }
    return done.rows;
  });
}

async function faultyRound(world: KillWorld, { number, aims, chances }: FaultyRound): Promise<FaultyResult> {
  const { sandbox, demanded } = world;
  const wrong: string[] = [];
  const begun = Date.now() / 1000;
  const before = new Set((await live(sandbox)).map(({ instanceId }) => instanceId));
  if (before.size > 0) wrong.push(`${before.size} instances of the round before still live`);
  const ids = await Promise.all(faults(number).map((fault) => sandbox.addFault(fault)));
  const kills: { aim: Aim; window: Window }[] = [];
  let liability = 0;
  const known = new Set<string>();
  for (const [i, aim] of aims.entries()) {
    const since = Date.now() / 1000;
    const chance = chances[i] ?? 0;
    const { exitCode } = await killed(world, { orderer: "hook", aim, chance, count: demanded }, since);
    const left = await evidence(sandbox, exitCode, since);
    kills.push({
      aim,
      window: windowOf({ ...left, entries: left.entries.filter(({ orderId }) => !known.has(orderId)) }),
    });
    for (const { orderId } of left.entries) known.add(orderId);
    liability = Math.max(liability, liabilityOf(await live(sandbox)));
  }
  for (const id of ids) await sandbox.removeFault(id);
  await settled(sandbox);
  const instances = await live(sandbox);
  liability = Math.max(liability, liabilityOf(instances));
  if (instances.length !== demanded)
    wrong.push(`${demanded} instances were needed, and there are ${instances.length}`);
  if (liability > MAX_LIABILITY)
    wrong.push(`liability of ${liability} USD over its limit of ${MAX_LIABILITY}`);
  const struck = (await sandbox.requests()).filter(
    ({ time, fault }) => time > begun && fault !== undefined,
  ).length;
  await clear(sandbox, instances);
  return { number, kills, faults: struck, instances: instances.length, liability, wrong };
}

function faults(seed: number): Fault[] {
  const hook = { service: "ec2", principal: "*updraft-hook", seed: seed + 1 };
  return [
    { ...hook, kind: "throttle", action: "*", probability: 0.1 },
    { ...hook, kind: "lost-answer", action: "CreateFleet", probability: 0.3 },
    { kind: "late-visibility", seconds: LATE_SECONDS },
  ];
}

/** Lets the hook run until it has nothing left to do and its journal nothing left to settle. */
async function settled(sandbox: Sandbox): Promise<void> {
  await sleep(LATE_SECONDS * 1000);
  let said = "";
  for (const deadline = Date.now() + SETTLED_SECONDS * 1000; Date.now() < deadline; await sleep(300)) {
    const { exitCode, stdout } = await sandbox.accessPoint.exec([HOOK], AS_HOOK);
    said = stdout;
    const isQuiet = exitCode === 0 && stdout.includes(`${ANNEX}_Ordered = 0\n`);
    if (isQuiet && (await journalFiles(sandbox)).length === 0) return;
  }
  throw new Error(`the hook does not come to rest: ${said}`);
}

async function clear(sandbox: Sandbox, instances: readonly InstanceView[]): Promise<void> {
  for (const { instanceId } of instances) await terminate(sandbox, instanceId);
  while ((await live(sandbox)).length > 0) await sleep(100);
}

function resultLine({ number, kills, faults: struck, instances, liability, wrong }: FaultyResult): string {
  const died = kills.map(({ window }) => window).join(", ");
  const verdict = wrong.length === 0 ? "as intended" : wrong.join("; ");
  return `${number}: died ${died}; ${struck} faults; ${instances} instances, ${liability.toFixed(4)} USD: ${verdict}`;
}

function faultyTable(all: readonly FaultyResult[]): string {
  const kills = all.flatMap((one) => one.kills);
  const rows = AIMS.map((aim) => {
    const mine = kills.filter((one) => one.aim === aim);
    return [aim, ...WINDOWS.map((window) => mine.filter((one) => one.window === window).length)];
  });
  const total = WINDOWS.map((window) => kills.filter((one) => one.window === window).length);
  const wrong = all.flatMap((one) => one.wrong.map((what) => `round ${one.number}: ${what}`));
  return [
    `${kills.length} kills in ${all.length} rounds, ${all.reduce((sum, one) => sum + one.faults, 0)} faults of EC2`,
    table(["aimed", ...WINDOWS], [...rows, ["all", ...total]]),
    "",
    table(
      ["", "limit", "found"],
      [
        ["instances at once", 3, Math.max(...all.map((one) => one.instances))],
        ["liability, USD", MAX_LIABILITY, Math.max(...all.map((one) => one.liability)).toFixed(4)],
      ],
    ),
    "",
    wrong.length === 0 ? "nothing was ordered twice, nothing was forgotten" : wrong.join("\n"),
  ].join("\n");
}

async function run({ size, seed, out }: CampaignOptions): Promise<string> {
  const all = await faultyRuns(faultyPlan(size, seed), { out, tell: console.log });
  const said = faultyTable(all);
  if (all.some(({ wrong }) => wrong.length > 0)) throw new Error(`not as intended\n${said}`);
  return said;
}

export const killFaults: Campaign = {
  name: "kill-faults",
  summary:
    "the hook killed again and again while EC2 throttles, loses answers and shows late: liability within its limit",
  fullSize: 240,
  run,
};
