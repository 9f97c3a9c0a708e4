import type { Rows } from "./reader.ts";

/** A value of a job ad; undefined for what is none, an expression included. */
export type AdValue = number | string | boolean | undefined;

/** Attributes of a job ad by name in lower case, as ClassAds compare them. */
export type JobAd = Map<string, AdValue>;

/** What {@link addJob} reads; readers may leave out the rest. */
export const JOB_ATTRIBUTES = new Set(
  [
    "JobStatus",
    "JobUniverse",
    "QDate",
    "JobStartDate",
    "JobCurrentStartDate",
    "JobCurrentStartExecutingDate",
    "CompletionDate",
    "RemoteWallClockTime",
    "NumJobStarts",
    "RequestCpus",
    "RequestMemory",
    "RequestDisk",
    "RequestGPUs",
    "User",
    "Owner",
  ].map((name) => name.toLowerCase()),
);

const COMPLETED = 4;
const VANILLA = 5;
/** Dates before are no dates: HTCondor writes 0 for none. */
const LEAST_DATE = 1;

/**
 * Makes a job of an ad as condor_history shows it. Its run time is that of its last start: from that to completion,
 * else RemoteWallClockTime when it started only once.
 */
export function addJob(ad: JobAd, rows: Rows): void {
  const number = (name: string): number | undefined => {
    const value = ad.get(name);
    return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  };
  if (number("jobstatus") !== COMPLETED) return rows.skip("not completed");
  if ((number("jobuniverse") ?? VANILLA) !== VANILLA) return rows.skip("not of the vanilla universe");
  const submitted = date(number("qdate"));
  if (submitted === undefined) return rows.skip("no submission time");
  const started = lastStart(number);
  const ended = date(number("completiondate"));
  const once = (number("numjobstarts") ?? 1) <= 1;
  const runSeconds =
    started !== undefined && ended !== undefined
      ? ended - started
      : once
        ? number("remotewallclocktime")
        : undefined;
  if (runSeconds === undefined || runSeconds === 0) return rows.skip("no run time");
  if (runSeconds < 0 || (started !== undefined && started < submitted)) return rows.skip("impossible times");
  const cpus = ad.has("requestcpus") ? number("requestcpus") : 1;
  if (cpus === undefined || cpus <= 0) return rows.skip("no number of CPUs");

  const amount = (name: string): number | undefined => {
    const value = number(name);
    return value !== undefined && value >= 0 ? value : undefined;
  };
  const memory = amount("requestmemory");
  const disk = amount("requestdisk");
  const gpus = ad.has("requestgpus") ? amount("requestgpus") : 0;
  const owner = ad.get("user") ?? ad.get("owner");
  if (memory === undefined) rows.assume("memory taken as none");
  if (disk === undefined) rows.assume("disk taken as none");
  if (gpus === undefined) rows.assume("GPUs taken as none");
  if (owner === undefined) rows.assume("owner unknown");
  rows.job({
    submitted,
    runSeconds,
    request: { cpus, memory: memory ?? 0, disk: disk ?? 0, gpus: gpus ?? 0 },
    owner: String(owner ?? ""),
  });
}

function lastStart(number: (name: string) => number | undefined): number | undefined {
  const current = date(number("jobcurrentstartexecutingdate")) ?? date(number("jobcurrentstartdate"));
  if (current !== undefined) return current;
  // The first start is the last one only when there was no other.
  return (number("numjobstarts") ?? 1) <= 1 ? date(number("jobstartdate")) : undefined;
}

function date(value: number | undefined): number | undefined {
  return value !== undefined && value >= LEAST_DATE ? value : undefined;
}
