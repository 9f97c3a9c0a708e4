import { setTimeout as sleep } from "node:timers/promises";
import { configureHook } from "../../sandbox/demo/annex.ts";
import { submitJobs } from "../../sandbox/demo/jobs.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { AS_HOOK, HOOK } from "../hook-process.ts";
import { table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { ANNEX, updraft, withPool } from "./pool.ts";
import { results } from "./results.ts";
import { SCENARIOS, type Scenario } from "./runaway-scenarios.ts";
import { hours, liabilityOf, live } from "./spend.ts";

const NAME = "campaign-runaway";
const JOBS = 8;
const NEEDED = 4;
const MAX_INSTANCES = 10;
const MAX_LIABILITY = 0.6;
const LEASE_SECONDS = 1800;
/** A run of the hook each so often, instead of each minute. */
const PAUSE_SECONDS = 4;

export type RunawayResult = {
  readonly name: string;
  readonly runs: number;
  readonly orders: number;
  readonly instances: number;
  readonly mostAtOnce: number;
  /** USD, by the cloud's own list: what was spent, and the most that was still to be spent at any run. */
  readonly spent: number;
  readonly liability: number;
  /** What the last run said. */
  readonly limitedBy: string;
  readonly breaker: string;
  readonly reason: string;
  readonly wrong: readonly string[];
};

/** A pool in which a scenario runs away, as far as it is let. `check` looks at it before it is taken down. */
export async function runawayRun(
  scenario: Scenario,
  runs: number,
  {
    name = NAME,
    check = async () => {},
  }: { readonly name?: string; check?(sandbox: Sandbox): Promise<void> } = {},
): Promise<RunawayResult> {
  const settings = scenario.bootless ? { launchDelay: { kind: "constant", seconds: 3600 } as const } : {};
  const knobs = {
    MODE: "act",
    LEASE: `${LEASE_SECONDS}s`,
    MIN_WAIT: "1s",
    MAX_INSTANCES: String(MAX_INSTANCES),
    MAX_LIABILITY: String(MAX_LIABILITY),
  };
  return withPool(name, knobs, settings, async (sandbox) => {
    const { accessPoint } = sandbox;
    await configureHook(sandbox, accessPoint, "SCHEDD_CRON_UPDRAFT_PERIOD = 1h\n");
    await sandbox.invoke("updraft-enforcer", {});
    await updraft(sandbox, "publish", ANNEX);
    await scenario.prepare?.(sandbox);
    const lines = scenario.jobs ?? ["requirements = TARGET.IsAnnex"];
    await submitJobs(accessPoint, { count: JOBS, seconds: 3600, mayUseAws: true, lines });
    const over = new AbortController();
    const meanwhile = repeat(() => scenario.meanwhile?.(sandbox), over.signal);
    const seen = { mostAtOnce: 0, liability: 0, said: new Map<string, string>() };
    for (let run = 0; run < runs; run++) {
      const environment = (await scenario.before?.(sandbox, run, runs)) ?? {};
      const hooks = Array.from({ length: scenario.hooks ?? 1 }, () => hook(sandbox, environment));
      for (const said of await Promise.all(hooks)) if (said.size > 0) seen.said = said;
      const there = await live(sandbox);
      seen.mostAtOnce = Math.max(seen.mostAtOnce, there.length);
      seen.liability = Math.max(seen.liability, liabilityOf(there));
      await sleep((scenario.pauseSeconds ?? PAUSE_SECONDS) * 1000);
    }
    over.abort();
    await meanwhile;
    await check(sandbox);
    return result(sandbox, scenario, runs, seen);
  });
}

async function result(
  sandbox: Sandbox,
  { name }: Scenario,
  runs: number,
  { mostAtOnce, liability, said }: { mostAtOnce: number; liability: number; said: Map<string, string> },
): Promise<RunawayResult> {
  const requests = await sandbox.requests();
  const launched = await hours(sandbox);
  const text = (attribute: string): string => said.get(attribute) ?? "";
  return {
    name,
    runs,
    orders: requests.filter(({ action, status }) => action === "CreateFleet" && status === 200).length,
    instances: launched.instances,
    mostAtOnce,
    spent: launched.usd,
    liability,
    limitedBy: text("LimitedBy"),
    breaker: text("Breaker"),
    reason: text("Reason"),
    wrong: [
      ...(mostAtOnce > MAX_INSTANCES ? [`${mostAtOnce} instances at once`] : []),
      ...(liability > MAX_LIABILITY ? [`a liability of ${liability.toFixed(3)} USD`] : []),
    ],
  };
}

/** What a run printed of the annex, whatever its status. */
async function hook(
  sandbox: Sandbox,
  environment: Readonly<Record<string, string>>,
): Promise<Map<string, string>> {
  const { environment: own, ...asHook } = AS_HOOK;
  // By env on the machine, so that nothing but the hook itself is run with them.
  const variables = Object.entries({ ...own, ...environment }).map(([name, value]) => `${name}=${value}`);
  const { stdout } = await sandbox.accessPoint.exec(["env", ...variables, HOOK], asHook);
  const lines = [...stdout.matchAll(new RegExp(`^${ANNEX}_(\\w+) = (.*)$`, "gm"))];
  return new Map(lines.map(([, attribute = "", value = ""]) => [attribute, value.replace(/^"(.*)"$/, "$1")]));
}

async function repeat(work: () => Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(500);
  }
}

function runawayTable(all: readonly RunawayResult[]): string {
  return [
    `${JOBS} jobs that need ${NEEDED} instances; MAX_INSTANCES ${MAX_INSTANCES}, MAX_LIABILITY ${MAX_LIABILITY} USD, a run of the hook every ${PAUSE_SECONDS} s`,
    table(
      [
        "scenario",
        "runs",
        "orders",
        "instances",
        "most at once",
        "spent USD",
        "most liability",
        "limited by",
        "breaker",
      ],
      all.map((one) => [
        one.name,
        one.runs,
        one.orders,
        one.instances,
        one.mostAtOnce,
        one.spent.toFixed(4),
        one.liability.toFixed(3),
        one.limitedBy,
        one.breaker,
      ]),
    ),
    "",
    ...all.map(({ name, reason }) => `${name}: ${reason}`),
  ].join("\n");
}

async function run({ size, out }: CampaignOptions): Promise<string> {
  const done = results<RunawayResult>(out);
  for (const scenario of SCENARIOS) {
    if (done.rows.some((one) => one.name === scenario.name)) continue;
    const one = await runawayRun(scenario, size);
    done.add(one);
    console.log(`${one.name}: ${one.instances} instances, ${one.limitedBy}: ${one.reason}`);
  }
  const said = runawayTable(done.rows);
  if (done.rows.some(({ wrong }) => wrong.length > 0)) throw new Error(`over a limit\n${said}`);
  return said;
}

export const runaway: Campaign = {
  name: "runaway",
  summary: "nodes, jobs, prices, clocks and hooks that would make it order without end: spend against limit",
  fullSize: 20,
  run,
};
