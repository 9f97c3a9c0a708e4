import { fits, take, type Resources, type Shape } from "./packing.ts";
import type { UnixTime } from "./time.ts";

/** An idle job of the annex's expression, as the schedd shows it. */
export type IdleJob = {
  readonly id: string;
  readonly universe: number;
  /** When it last became idle. */
  readonly idleSince: UnixTime;
  /** Jobs of one autocluster are alike to the negotiator; undefined before it has first been asked. */
  readonly autocluster: number | undefined;
  readonly matchedAt: UnixTime | undefined;
  readonly deferredUntil: UnixTime | undefined;
  readonly coolDownUntil: UnixTime | undefined;
  readonly hasConcurrencyLimits: boolean;
  /** Whose it is, as `user@domain`. */
  readonly user?: string | undefined;
  /** The accounting group, without the user. */
  readonly group: string | undefined;
  readonly request: Resources;
};

/** The negotiator passed over an autocluster. */
export type Rejection = {
  readonly autocluster: number;
  readonly at: UnixTime;
  readonly reason: string;
};

/** An accounting group that may not use more than its quota. */
export type GroupQuota = { readonly group: string; readonly quota: number; readonly used: number };

/** Free capacity that is not the annex's own. */
export type FreeSlot = { readonly name: string; readonly free: Resources };

/** Why an idle job is not demand, in one word for `LimitedBy`. */
export type Exclusion =
  | "Universe"
  | "Deferred"
  | "CoolDown"
  | "Starting"
  | "ConcurrencyLimit"
  | "MinWait"
  | "Quota"
  | "MaxJobsRunning"
  | "OwnerLimit"
  | "OtherAnnex"
  | "FreeSlots"
  | "Shape";

export type DemandFacts = {
  readonly now: UnixTime;
  readonly minWaitSeconds: number;
  readonly rejections: readonly Rejection[];
  readonly quotas: readonly GroupQuota[];
  /** Jobs that the schedd may still start under MAX_JOBS_RUNNING. */
  readonly startable: number;
};

export type DemandJob = IdleJob & { readonly waited: number };

export type Demand = {
  /** Jobs that wait for a machine and for nothing else, oldest first. */
  readonly waiting: readonly DemandJob[];
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
};

const VANILLA = 5;
/** A job that was matched so recently is about to start. */
const STARTING_SECONDS = 120;

/** Sorts the idle jobs of the annex into those that a further machine would help and those that it would not. */
export function demand(jobs: readonly IdleJob[], facts: DemandFacts): Demand {
  const excluded: Partial<Record<Exclusion, number>> = {};
  const exclude = (why: Exclusion, count = 1): void => {
    if (count > 0) excluded[why] = (excluded[why] ?? 0) + count;
  };
  const rejections = newest(facts.rejections);
  const headroom = new Map(
    facts.quotas.map(({ group, quota, used }) => [group.toLowerCase(), Math.max(0, quota - used)]),
  );
  let { startable } = facts;
  const waiting: DemandJob[] = [];
  for (const job of [...jobs].sort((a, b) => a.idleSince - b.idleSince)) {
    const why = waitsFor(job, rejections, facts);
    if (why !== undefined) {
      exclude(why);
      continue;
    }
    if (!withinQuota(job, headroom)) {
      exclude("Quota");
      continue;
    }
    if (startable < 1) {
      exclude("MaxJobsRunning");
      continue;
    }
    startable -= 1;
    waiting.push({ ...job, waited: facts.now - job.idleSince });
  }
  return { waiting, excluded };
}

function newest(rejections: readonly Rejection[]): Map<number, Rejection> {
  const result = new Map<number, Rejection>();
  for (const one of rejections) {
    if (one.at > (result.get(one.autocluster)?.at ?? Number.NEGATIVE_INFINITY))
      result.set(one.autocluster, one);
  }
  return result;
}

function waitsFor(
  job: IdleJob,
  rejections: ReadonlyMap<number, Rejection>,
  { now, minWaitSeconds }: DemandFacts,
): Exclusion | undefined {
  if (job.universe !== VANILLA) return "Universe";
  if (job.deferredUntil !== undefined && job.deferredUntil > now) return "Deferred";
  if (job.coolDownUntil !== undefined && job.coolDownUntil > now) return "CoolDown";
  if (
    job.matchedAt !== undefined &&
    job.matchedAt >= job.idleSince &&
    now - job.matchedAt < STARTING_SECONDS
  ) {
    return "Starting";
  }
  const rejection = job.autocluster === undefined ? undefined : rejections.get(job.autocluster);
  const passedOver = rejection !== undefined && rejection.at >= job.idleSince;
  if (passedOver && /^(concurrency limit|submitter limit)/i.test(rejection.reason)) {
    return /^concurrency/i.test(rejection.reason) ? "ConcurrencyLimit" : "Quota";
  }
  // The negotiator says so of one job of an autocluster only, so its silence proves nothing for a job with limits.
  if (!passedOver && job.hasConcurrencyLimits) return "ConcurrencyLimit";
  return passedOver || now - job.idleSince >= minWaitSeconds ? undefined : "MinWait";
}

/** Quotas are counted in slot weight, which is CPUs by default; a group's ancestors have theirs too. */
function withinQuota(job: IdleJob, headroom: Map<string, number>): boolean {
  if (job.group === undefined) return true;
  const parts = job.group.toLowerCase().split(".");
  const groups = parts.map((_, i) => parts.slice(0, i + 1).join(".")).filter((group) => headroom.has(group));
  const weight = Math.max(1, job.request.cpus);
  if (groups.some((group) => (headroom.get(group) ?? 0) < weight)) return false;
  for (const group of groups) headroom.set(group, (headroom.get(group) ?? 0) - weight);
  return true;
}

/** Jobs of one autocluster and request. */
export type JobGroup = Shape & {
  readonly autocluster: number | undefined;
  readonly example: string;
  /** Since when the one has been idle that has waited longest. */
  readonly oldest: UnixTime;
};

/** The same for the same jobs, whichever annex looks at them. */
export function groupKey(autocluster: number | undefined, { cpus, memory, disk, gpus }: Resources): string {
  return [autocluster ?? "none", cpus, memory, disk, gpus].join(" ");
}

export function groupJobs(jobs: readonly IdleJob[]): JobGroup[] {
  const groups = new Map<string, JobGroup>();
  for (const job of jobs) {
    const key = groupKey(job.autocluster, job.request);
    const group = groups.get(key);
    groups.set(
      key,
      group === undefined
        ? { ...job.request, count: 1, autocluster: job.autocluster, example: job.id, oldest: job.idleSince }
        : { ...group, count: group.count + 1, oldest: Math.min(group.oldest, job.idleSince) },
    );
  }
  return [...groups.values()];
}

/**
 * What is left of the jobs when free slots have taken theirs. `matches` is how many of these slots match a group's
 * example job, as HTCondor says; a group that it was not asked about might use them all, so that nothing is ordered for it in vain.
 */
export function afterFreeSlots(
  groups: readonly JobGroup[],
  slots: readonly FreeSlot[],
  matches: (group: JobGroup) => number | undefined,
): JobGroup[] {
  const rest = slots.map((slot) => slot.free);
  return groups.map((group) => {
    let { count } = group;
    const usable = rest
      .map((free, i) => ({ i, jobs: fits(group, free) }))
      .filter(({ jobs }) => jobs > 0)
      .sort((a, b) => b.jobs - a.jobs)
      .slice(0, matches(group) ?? rest.length);
    for (const { i, jobs } of usable) {
      const some = Math.min(count, jobs);
      const free = rest[i];
      if (some === 0 || free === undefined) continue;
      rest[i] = take(free, group, some);
      count -= some;
    }
    return { ...group, count };
  });
}
