import { CLOCK_SKEW_SECONDS } from "./lease.ts";
import { fits, take, type Resources, type Shape } from "./packing.ts";
import type { UnixTime } from "./time.ts";

/** Idle jobs of the annex's expression that differ in nothing but their number, as the schedd counts them. */
export type IdleJobs = {
  readonly count: number;
  /** One of them. */
  readonly id: string;
  readonly universe: number;
  /** When they last became idle. */
  readonly idleSince: UnixTime;
  /** Jobs of one autocluster are alike to the negotiator; undefined before it has first been asked. */
  readonly autocluster: number | undefined;
  readonly matchedAt: UnixTime | undefined;
  readonly deferredUntil: UnixTime | undefined;
  readonly coolDownUntil: UnixTime | undefined;
  readonly hasConcurrencyLimits: boolean;
  /** With `@` and the domain. */
  readonly user: string | undefined;
  /** The accounting group, without the user. */
  readonly group: string | undefined;
  readonly request: Resources;
  /** What matching them reads, as ClassAd text. Jobs of one text are of one user and shape. */
  readonly ad: string;
};

/** The negotiator passed over an autocluster. */
export type Rejection = {
  readonly autocluster: number;
  /** Whose jobs: each submitter is negotiated with in turn. */
  readonly user: string | undefined;
  readonly at: UnixTime;
  readonly reason: string;
};

/** An accounting group that may not use more than its quota. */
export type GroupQuota = { readonly group: string; readonly quota: number; readonly used: number };

/** Free capacity that is not the annex's own. */
export type FreeSlot = {
  readonly name: string;
  readonly free: Resources;
  /** Its START as its ad tells it. */
  readonly start?: string;
};

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
  | "Requirements"
  | "NoStart"
  | "Shape"
  | "Factory";

export type DemandFacts = {
  readonly now: UnixTime;
  readonly minWaitSeconds: number;
  readonly rejections: readonly Rejection[];
  readonly quotas: readonly GroupQuota[];
  /** Jobs that the schedd may still start under MAX_JOBS_RUNNING. */
  readonly startable: number;
};

export type Demand = {
  /** Jobs that wait for a machine and for nothing else, oldest first. */
  readonly waiting: readonly IdleJobs[];
  readonly excluded: Excluded;
};

export type Excluded = Readonly<Partial<Record<Exclusion, number>>>;

const VANILLA = 5;
/** A job that was matched so recently is about to start. */
const STARTING_SECONDS = 120;
/** Rejections older than this say nothing of now. */
export const REJECTED_SECONDS = 600;

/** Sorts the idle jobs of the annex into those that a further machine would help and those that it would not. */
export function demand(jobs: readonly IdleJobs[], facts: DemandFacts): Demand {
  const excluded: Partial<Record<Exclusion, number>> = {};
  const exclude = (why: Exclusion, count: number): void => {
    if (count > 0) excluded[why] = (excluded[why] ?? 0) + count;
  };
  const rejections = newest(facts.rejections, facts.now);
  const headroom = new Map(
    facts.quotas.map(({ group, quota, used }) => [group.toLowerCase(), Math.max(0, quota - used)]),
  );
  let { startable } = facts;
  const waiting: IdleJobs[] = [];
  for (const some of [...jobs].sort((a, b) => a.idleSince - b.idleSince)) {
    const why = waitsFor(some, rejections, facts);
    if (why !== undefined) {
      exclude(why, some.count);
      continue;
    }
    const allowed = withinQuota(some, headroom);
    exclude("Quota", some.count - allowed);
    const count = Math.min(allowed, Math.floor(startable));
    exclude("MaxJobsRunning", allowed - count);
    startable -= count;
    if (count > 0) waiting.push({ ...some, count });
  }
  return { waiting, excluded };
}

const submitter = (jobs: Pick<Rejection, "autocluster" | "user">): string =>
  `${jobs.autocluster} ${jobs.user ?? ""}`;

/** One of a time to come is none that a negotiator wrote: a user may have edited it. */
function newest(rejections: readonly Rejection[], now: UnixTime): Map<string, Rejection> {
  const result = new Map<string, Rejection>();
  const isRecent = ({ at }: Rejection): boolean =>
    at <= now + CLOCK_SKEW_SECONDS && now - at < REJECTED_SECONDS;
  for (const one of rejections.filter(isRecent)) {
    if (one.at > (result.get(submitter(one))?.at ?? Number.NEGATIVE_INFINITY)) {
      result.set(submitter(one), one);
    }
  }
  return result;
}

function waitsFor(
  job: IdleJobs,
  rejections: ReadonlyMap<string, Rejection>,
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
  const { autocluster, user } = job;
  const rejection = autocluster === undefined ? undefined : rejections.get(submitter({ autocluster, user }));
  const passedOver = rejection !== undefined && rejection.at >= job.idleSince;
  if (passedOver && /^(concurrency limit|submitter limit)/i.test(rejection.reason)) {
    return /^concurrency/i.test(rejection.reason) ? "ConcurrencyLimit" : "Quota";
  }
  // The negotiator says so of one job of an autocluster only, so its silence proves nothing for a job with limits.
  if (!passedOver && job.hasConcurrencyLimits) return "ConcurrencyLimit";
  return passedOver || now - job.idleSince >= minWaitSeconds ? undefined : "MinWait";
}

/** How many of them the quotas admit: counted in slot weight, which is CPUs by default; a group's ancestors have theirs too. */
function withinQuota(jobs: IdleJobs, headroom: Map<string, number>): number {
  if (jobs.group === undefined) return jobs.count;
  const parts = jobs.group.toLowerCase().split(".");
  const groups = parts.map((_, i) => parts.slice(0, i + 1).join(".")).filter((group) => headroom.has(group));
  const weight = Math.max(1, jobs.request.cpus);
  const room = Math.min(
    jobs.count,
    ...groups.map((group) => Math.floor((headroom.get(group) ?? 0) / weight)),
  );
  for (const group of groups) headroom.set(group, (headroom.get(group) ?? 0) - room * weight);
  return room;
}

/** Jobs of one user and shape. */
export type JobGroup = Shape & {
  readonly ad: string;
  readonly user: string | undefined;
  readonly autocluster: number | undefined;
  /** The one that has waited longest. */
  readonly example: string;
  readonly oldest: UnixTime;
};

/** The same for the same jobs, whichever annex looks at them. */
export function groupKey(group: Pick<JobGroup, "autocluster" | "user"> & Resources): string {
  const { autocluster, user, cpus, memory, disk, gpus } = group;
  return [autocluster ?? "none", cpus, memory, disk, gpus, user ?? ""].join(" ");
}

export function groupJobs(jobs: readonly IdleJobs[]): JobGroup[] {
  const groups = new Map<string, JobGroup>();
  for (const { ad, count, user, autocluster, id, idleSince, request } of jobs) {
    const group = groups.get(ad);
    const older = group === undefined || idleSince < group.oldest;
    groups.set(ad, {
      ...request,
      ad,
      user,
      count: count + (group?.count ?? 0),
      autocluster: older ? autocluster : group.autocluster,
      example: older ? id : group.example,
      oldest: older ? idleSince : group.oldest,
    });
  }
  return [...groups.values()];
}

/** Free slots that match a group's jobs, and would take them. */
export type SlotMatches = {
  readonly count: number;
  /** Names of slots which they are among; undefined: of all. */
  readonly among?: ReadonlySet<string>;
};

/**
 * What is left of the jobs when free slots have taken theirs. `matches` is which of these slots match a group's
 * jobs, as HTCondor says; a group of which it says nothing might use them all, so that nothing is ordered for it in vain.
 */
export function afterFreeSlots(
  groups: readonly JobGroup[],
  slots: readonly FreeSlot[],
  matches: (group: JobGroup) => SlotMatches | undefined,
): JobGroup[] {
  const rest = slots.map((slot) => slot.free);
  return groups.map((group) => {
    let { count } = group;
    const { count: most, among } = matches(group) ?? { count: rest.length };
    const usable = rest
      .map((free, i) => ({ i, jobs: fits(group, free), name: slots[i]?.name ?? "" }))
      .filter(({ jobs, name }) => jobs > 0 && (among?.has(name) ?? true))
      .sort((a, b) => b.jobs - a.jobs)
      .slice(0, most);
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
