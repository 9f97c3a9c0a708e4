import { UpdraftError } from "../../core/errors.ts";
import type { Sandbox } from "../sandbox.ts";
import { annexKnobs, configureAnnexes } from "./annex.ts";
import { finishedJobs, submitJobs, type FinishedJob } from "./jobs.ts";

const ANNEX = "burst";
const INSTANCES = 3;
const OPTED_IN = 24;
const LOCAL = 4;
const JOB_SECONDS = 5;
const JOBS_TIMEOUT_SECONDS = 180;

/** An annex's life, from set-up to nothing left; `tell` gets a line for every thing that happens. */
export async function tellStory(sandbox: Sandbox, tell: (line: string) => void): Promise<void> {
  const { accessPoint } = sandbox;
  const begun = performance.now();
  const say = (line: string): void =>
    tell(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const updraft = async (...args: readonly string[]): Promise<string> => {
    say(`$ updraft ${args.join(" ")}`);
    const out = await accessPoint.run(["updraft", ...args], { timeoutSeconds: 300 });
    for (const line of out.split("\n").filter((line) => line !== "")) say(`  ${line}`);
    return out;
  };

  tell("\nAn annex is described in config.d, set up, and ordered:");
  await accessPoint.configure(
    "30-local.config",
    "# Whoever may use AWS goes there.\nSTART = TARGET.MayUseAWS =!= True\n",
  );
  await configureAnnexes(accessPoint, { [ANNEX]: await annexKnobs(sandbox) });
  await updraft("setup", "--region", "us-east-1");
  await updraft("setup", "--annex", ANNEX);

  const optedIn = await submitJobs(accessPoint, { count: OPTED_IN, seconds: JOB_SECONDS, mayUseAws: true });
  const local = await submitJobs(accessPoint, { count: LOCAL, seconds: JOB_SECONDS, mayUseAws: false });
  say(`alice submits ${OPTED_IN} jobs with +MayUseAWS = true and ${LOCAL} without`);
  await updraft("create", ANNEX, "--count", String(INSTANCES), "--lease", "1h", "--idle", "10m", "--yes");
  await updraft("status", ANNEX);

  const jobs = await allFinished(sandbox, [optedIn, local], OPTED_IN + LOCAL, say);
  for (const line of whereTheyRan(jobs)) say(`  ${line}`);
  check(jobs, optedIn);

  tell("\nIt is taken away again:");
  await updraft("delete", ANNEX, "--yes");
  await updraft("teardown", "--annex", ANNEX, "--yes");
  await updraft("teardown", "--region", "us-east-1", "--yes");
}

async function allFinished(
  sandbox: Sandbox,
  clusters: readonly string[],
  count: number,
  say: (line: string) => void,
): Promise<FinishedJob[]> {
  const deadline = Date.now() + JOBS_TIMEOUT_SECONDS * 1000;
  let shown = -1;
  for (;;) {
    const found = await Promise.all(clusters.map((cluster) => finishedJobs(sandbox.accessPoint, cluster)));
    const jobs = found.flat();
    if (jobs.length !== shown) say(`${jobs.length} of ${count} jobs done`);
    shown = jobs.length;
    if (jobs.length >= count) return jobs;
    if (Date.now() > deadline) {
      throw new UpdraftError(
        "failed",
        `${count - jobs.length} jobs did not finish within ${JOBS_TIMEOUT_SECONDS} s`,
        "Start the sandbox with npm run sandbox -- up, and look with condor_q -better-analyze.",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** One line for each place where jobs ran. */
function whereTheyRan(jobs: readonly FinishedJob[]): string[] {
  const places = new Map<string, number>();
  for (const { annex, instanceId, host } of jobs) {
    const machine = host.slice(host.indexOf("@") + 1);
    const place =
      annex === "undefined" ? `${machine}, a slot of the pool's own` : `${instanceId}, annex ${annex}`;
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  return [...places].sort().map(([place, count]) => `${count} jobs ran on ${place}`);
}

function check(jobs: readonly FinishedJob[], optedIn: string): void {
  const failed = jobs.filter(({ exitCode }) => exitCode !== "0");
  const strays = jobs.filter(({ id, annex }) => annex !== "undefined" && !id.startsWith(`${optedIn}.`));
  if (failed.length > 0 || strays.length > 0)
    throw new UpdraftError(
      "failed",
      `${failed.length} jobs failed, and ${strays.length} ran on the annex without having asked for it`,
      "Report this with the output above.",
    );
}
