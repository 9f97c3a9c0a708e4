import { setTimeout as sleep } from "node:timers/promises";
import { UpdraftError } from "../../core/errors.ts";
import type { Sandbox } from "../sandbox.ts";
import { annexKnobs, describeAnnexes, configureHook, HOOK_USER_NAME } from "./annex.ts";
import { finishedJobs, submitJobs, type FinishedJob } from "./jobs.ts";
import { observe, type Sample } from "./observe.ts";
import { narrate, summary } from "./timeline.ts";

export const ANNEX = "burst";
/** An annex for nobody's jobs, whose one node will not end by itself. */
const STUBBORN = "stubborn";
export const LOCAL_SLOTS = 6;
const FIRST_JOBS = LOCAL_SLOTS;
const MORE_JOBS = 30;
const JOB_SECONDS = 20;
const MAX_INSTANCES = 6;
/** How long the story watches that free slots of the pool's own leave nothing to order. */
const QUIET_SECONDS = 15;
const LONGEST_SECONDS = 330;

export type Told = { readonly samples: readonly Sample[]; readonly summary: string };

/** The loop that closes by itself: demand, an order, nodes, jobs, idleness, and a lease that holds whatever dies. */
export async function tellStory(sandbox: Sandbox, tell: (line: string) => void): Promise<Told> {
  const { accessPoint } = sandbox;
  const begun = performance.now();
  const clock = (): number => (performance.now() - begun) / 1000;
  const say = (line: string): void => tell(`${clock().toFixed(0).padStart(4)} s  ${line}`);
  const updraft = async (...args: readonly string[]): Promise<void> => {
    say(`$ updraft ${args.join(" ")}`);
    await accessPoint.run(["updraft", ...args], { timeoutSeconds: 300 });
  };

  tell("\nTwo annexes are described in config.d and set up; the hook goes into the schedd's cron:");
  const common = await annexKnobs(sandbox);
  await describeAnnexes(accessPoint, {
    [ANNEX]: { ...common, MODE: "act", MAX_INSTANCES: String(MAX_INSTANCES), MIN_WAIT: "5s", IDLE: "20s" },
    [STUBBORN]: { ...common, OWNERS: "nobody@pool.test" },
  });
  await updraft("setup", "--region", "us-east-1");
  await updraft("setup", "--annex", ANNEX);
  await updraft("setup", "--annex", STUBBORN);
  await updraft("credential", "create", ANNEX);
  await updraft("credential", "create", STUBBORN);
  await updraft("publish", ANNEX);
  await configureHook(sandbox, accessPoint);
  // The hook orders nothing before it knows that the lease enforcer works; on its schedule that takes a minute.
  await sandbox.invoke("updraft-enforcer", {});
  say("the lease enforcer has made its first sweep");

  tell("\nA node that nothing on it will end: its guard and its HTCondor are killed.");
  await updraft("create", STUBBORN, "--count", "1", "--lease", "60s", "--idle", "1h", "--yes");
  const stubborn = await makeStubborn(sandbox);
  say(
    `${stubborn}: every process of ours and of HTCondor's is gone; its lease is over in less than a minute`,
  );

  tell(`\nJobs come, with ${LOCAL_SLOTS} free slots of the pool's own:`);
  const clusters = [
    await submitJobs(accessPoint, { count: FIRST_JOBS, seconds: JOB_SECONDS, mayUseAws: true }),
  ];
  say(`alice submits ${FIRST_JOBS} jobs that may use AWS`);
  const moreAt = clock() + QUIET_SECONDS;
  const samples: Sample[] = [];
  const joined = new Set<string>();
  for (;;) {
    const before = samples.at(-1);
    const now = await observe(sandbox, ANNEX, clock(), joined);
    samples.push(now);
    for (const line of narrate(before, now)) say(line);
    if (clusters.length === 1 && clock() > moreAt) {
      clusters.push(
        await submitJobs(accessPoint, { count: MORE_JOBS, seconds: JOB_SECONDS, mayUseAws: true }),
      );
      say(`alice submits ${MORE_JOBS} more`);
    }
    const jobs = await finished(sandbox, clusters);
    if (jobs.length === FIRST_JOBS + MORE_JOBS && (await living(sandbox)).length === 0) {
      say("no instance is left");
      const told = { samples, summary: await summary(sandbox, ANNEX, stubborn, jobs, samples) };
      tell("\nIt is all taken away again:");
      await takeAway(sandbox, updraft);
      return told;
    }
    if (clock() > LONGEST_SECONDS) {
      throw new UpdraftError(
        "failed",
        `after ${LONGEST_SECONDS} s ${jobs.length} of ${FIRST_JOBS + MORE_JOBS} jobs are done, and these instances live: ${(await living(sandbox)).join(", ")}`,
        "Start the sandbox with npm run sandbox -- up and look at the hook's Reason.",
      );
    }
    await sleep(1000);
  }
}

/** Kills every process of the node but its init, so that nothing in it could end it; returns its id. */
async function makeStubborn(sandbox: Sandbox): Promise<string> {
  const found = (await sandbox.instances()).find(({ tags }) => tags["htcondor:AnnexName"] === STUBBORN);
  const id = found?.instanceId ?? "";
  await sandbox.machine(id).run(["sh", "-c", "kill -9 -1"]);
  return id;
}

async function finished(sandbox: Sandbox, clusters: readonly string[]): Promise<FinishedJob[]> {
  const found = await Promise.all(clusters.map((cluster) => finishedJobs(sandbox.accessPoint, cluster)));
  return found.flat();
}

async function living(sandbox: Sandbox): Promise<string[]> {
  return (await sandbox.instances())
    .filter(({ state }) => state !== "terminated")
    .map(({ instanceId }) => instanceId);
}

async function takeAway(
  sandbox: Sandbox,
  updraft: (...args: readonly string[]) => Promise<void>,
): Promise<void> {
  // What the hook could order again cannot be torn down.
  await sandbox.accessPoint.configure("42-stop.config", "UPDRAFT_STOP = true\n");
  await updraft("delete", ANNEX, "--yes");
  await updraft("delete", STUBBORN, "--yes");
  await updraft("teardown", "--annex", ANNEX, "--yes");
  await updraft("teardown", "--annex", STUBBORN, "--yes");
  // A policy that somebody holds cannot be deleted.
  await sandbox.removeUser(HOOK_USER_NAME);
  await updraft("teardown", "--region", "us-east-1", "--yes");
}
