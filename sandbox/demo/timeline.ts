import type { Sandbox } from "../sandbox.ts";
import { columns } from "../status-text.ts";
import type { FinishedJob } from "./jobs.ts";
import type { Sample } from "./observe.ts";

/** Lines for what has changed since the sample before. */
export function narrate(before: Sample | undefined, now: Sample): string[] {
  const counts = (sample: Sample): string =>
    `idle jobs ${sample.queued}, running here ${sample.local}, on the annex ${sample.busy}; ` +
    `nodes' idle slots ${sample.idle}, instances in flight ${sample.inFlight}`;
  const lines: string[] = [];
  if (before === undefined || counts(before) !== counts(now)) lines.push(counts(now));
  if (now.reason !== "" && now.reason !== "undefined" && before?.reason !== now.reason)
    lines.push(`  the hook: ${now.reason}`);
  return lines;
}

/** What happened, as a table: where jobs ran, how instances ended, and how far the lease was overrun. */
export async function summary(
  sandbox: Sandbox,
  annex: string,
  stubborn: string,
  jobs: readonly FinishedJob[],
  samples: readonly Sample[],
): Promise<string> {
  const instances = await sandbox.instances();
  const ends = await sandbox.terminationLog();
  const ours = instances.filter(({ tags }) => tags["htcondor:AnnexName"] === annex);
  const endOf = (id: string) => ends.find(({ instanceId }) => instanceId === id);
  const byItself = ours.filter(({ instanceId }) => endOf(instanceId)?.by === "instance");
  const here = jobs.filter((job) => job.annex === "undefined");
  const failed = jobs.filter((job) => job.exitCode !== "0");
  const last = endOf(stubborn);
  const lease = Number(
    instances.find(({ instanceId }) => instanceId === stubborn)?.tags["htcondor:LeaseExpiration"],
  );
  const most = (value: (sample: Sample) => number): string => String(Math.max(...samples.map(value)));
  return columns([
    ["jobs on the pool's own slots", String(here.length)],
    ["jobs on the annex", String(jobs.length - here.length)],
    ["jobs that failed", String(failed.length)],
    ["most idle jobs (X_Q)", most(({ queued }) => queued)],
    ["most busy slots of the annex (X_R)", most(({ busy }) => busy)],
    ["most instances in flight", most(({ inFlight }) => inFlight)],
    ["instances that the hook ordered", String(ours.length)],
    ["  that ended themselves", String(byItself.length)],
    ["the stubborn instance was ended by", last?.by.replace(/^.*\//, "") ?? "nobody"],
    ["  seconds after its lease", last === undefined ? "?" : (last.time - lease).toFixed(0)],
  ]).join("\n");
}
