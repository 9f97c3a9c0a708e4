import { uniform } from "../../sandbox/cloud/random.ts";
import { table } from "../table.ts";
import { clear, difference, withAccount, type AccountWorld } from "./account-world.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import {
  COMMANDS,
  callsOf,
  give,
  holdings,
  interrupt,
  type AwsCall,
  type InterruptResult,
  type Interrupted,
} from "./interrupt-round.ts";

const NAME = "campaign-interrupt";
const MOMENTS = ["before it is sent", "after its effect"] as const;
const HOUR = 3600;

/** No instance ever boots, and the enforcer writes nothing in between: what is ordered and made counts. */
export const STILL = {
  launchDelay: { kind: "constant", seconds: HOUR },
  shuttingDownSeconds: 0,
  enforcerPeriodSeconds: HOUR,
} as const;

export type InterruptRuns = {
  /** How many calls of each command are interrupted at most, drawn by the seed, at both moments. */
  readonly calls: number;
  readonly seed: number;
  /** Which commands; all when left out. */
  readonly only?: readonly string[];
  readonly tell?: (result: InterruptResult) => void;
};

/** Leads an annex through its life and interrupts every command at its calls. At the end nothing must be left. */
export async function interruptRuns(
  world: AccountWorld,
  { calls, seed, only, tell = () => {} }: InterruptRuns,
): Promise<{ results: InterruptResult[]; left: string[] }> {
  const random = uniform(seed);
  const results: InterruptResult[] = [];
  for (const command of COMMANDS) {
    if (only?.includes(command.name) !== false) {
      for (const result of await interruptions(world, command, calls, random, tell)) results.push(result);
    }
    if (only !== undefined && only.every((name) => results.some((one) => one.command === name))) break;
    await give(world, command.args);
  }
  await clear(world);
  const left = difference(world.before, await world.sandbox.inventory());
  return { results, left: left.filter((one) => !one.includes("AWSServiceRoleForEC2Spot")) };
}

async function interruptions(
  world: AccountWorld,
  command: Interrupted,
  most: number,
  random: () => number,
  tell: (result: InterruptResult) => void,
): Promise<InterruptResult[]> {
  const all = await callsOf(world, command.args);
  const after = await holdings(world);
  await give(world, command.undo);
  const before = await holdings(world);
  const results: InterruptResult[] = [];
  for (const call of drawn(all, most, random)) {
    for (const moment of MOMENTS) {
      const result = await interrupt(world, command, call, moment, { before, after });
      tell(result);
      results.push(result);
    }
  }
  return results;
}

function drawn(all: readonly AwsCall[], most: number, random: () => number): AwsCall[] {
  const left = [...all];
  while (left.length > most) left.splice(Math.floor(random() * left.length), 1);
  return left;
}

export function interruptTable(results: readonly InterruptResult[], left: readonly string[]): string {
  const rows = COMMANDS.map(({ name }) => {
    const mine = results.filter(({ command }) => command === name);
    const calls = new Set(mine.map(({ call }) => `${call.service}:${call.action} ${call.nth}`));
    const killed = (moment: string): number => mine.filter((one) => one.hit && one.moment === moment).length;
    const wrong = mine.reduce((sum, one) => sum + one.wrong.length, 0);
    return [name, calls.size, ...MOMENTS.map(killed), mine.filter(({ hit }) => !hit).length, wrong];
  });
  return [
    table(
      ["command", "AWS calls", ...MOMENTS.map((moment) => `killed ${moment}`), "not reached", "left over"],
      rows,
    ),
    "",
    ...results.flatMap((one) =>
      one.wrong.map(
        (what) =>
          `${one.command}, ${one.call.service}:${one.call.action} ${one.call.nth}, ${one.moment}: ${what}`,
      ),
    ),
    left.length === 0 ? "in the end the account is as it was" : `in the end: ${left.join("; ")}`,
  ].join("\n");
}

async function run({ size, seed }: CampaignOptions): Promise<string> {
  return withAccount(NAME, { PURCHASE: "spot" }, STILL, async (world) => {
    const { results, left } = await interruptRuns(world, {
      calls: size,
      seed,
      tell: ({ command, call, moment, hit, wrong }) =>
        console.log(
          `${command}: killed at ${call.service}:${call.action} ${call.nth} ${moment}: ${hit ? "" : "not reached; "}${wrong.length === 0 ? "nothing left over" : wrong.join("; ")}`,
        ),
    });
    const said = interruptTable(results, left);
    if (left.length > 0 || results.some(({ wrong }) => wrong.length > 0))
      throw new Error(`not as it was\n${said}`);
    return said;
  });
}

export const interruptCampaign: Campaign = {
  name: "interrupt",
  summary: "every command killed at each of its AWS calls and repeated: what is left over",
  fullSize: 100,
  run,
};
