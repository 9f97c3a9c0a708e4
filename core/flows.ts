import type { Period } from "./model/estimate.ts";
import type { ModelParameters } from "./model/parameters.ts";
import { hasJoined, type AnnexSlot, type Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";
import { finite, list, numbers, record, text } from "./untrusted.ts";

/** An instance with slots, as a look saw it. */
export type Working = {
  /** Ids of the jobs on its claimed slots. */
  readonly jobs: readonly string[];
  /** Free CPUs, each of which could take a job. */
  readonly idle: number;
};

/** What one look leaves to the next, which sees by it what happened between the two. */
export type Sighting = {
  readonly at: UnixTime;
  /** Idle jobs of the annex. */
  readonly queued: number;
  readonly working: Readonly<Record<string, Working>>;
};

/** Events and the hours in which each could happen, by the rate that they tell. */
export type Flows = Readonly<Record<keyof ModelParameters, Period>>;

/** What was counted in a stretch of time that began at `from`. */
export type Bin = { readonly from: UnixTime; readonly flows: Flows };

const NOTHING: Period = { events: 0, exposure: 0 };
export const NO_FLOWS: Flows = {
  submissionRate: NOTHING,
  matchRate: NOTHING,
  provisioningRate: NOTHING,
  completionRate: NOTHING,
  idleTerminationRate: NOTHING,
  runningTerminationRate: NOTHING,
};
export const FLOWS = Object.keys(NO_FLOWS) as (keyof Flows)[];

/** A time that was not watched tells nothing. */
const LONGEST_GAP_SECONDS = 600;
/** A day in stretches of ten minutes. */
const BIN_SECONDS = 600;
const BINS = 144;

/** Instances with slots, by id; one that ends takes no part any more. */
export function sighting(
  at: UnixTime,
  queued: number,
  members: readonly Member[],
  slots: readonly AnnexSlot[],
): Sighting {
  const byInstance = Map.groupBy(slots, (slot) => slot.instanceId);
  const working = members.filter(hasJoined).map((one): [string, Working] => {
    const own = byInstance.get(one.id) ?? [];
    return [
      one.id,
      {
        jobs: own.flatMap((slot) => (slot.state === "Claimed" ? (slot.job ?? []) : [])),
        idle: one.free.reduce((sum, slot) => sum + Math.max(0, Math.floor(slot.cpus)), 0),
      },
    ];
  });
  return { at, queued, working: Object.fromEntries(working) };
}

export type Between = {
  /** Jobs that came to wait since. */
  readonly arrived: number;
  readonly ordered: number;
  /** They tell of instances that joined since how long their jobs let them wait. */
  readonly slots: readonly AnnexSlot[];
};

/**
 * What happened from one look to the next, as the looks tell it: a job that came and went between them is not seen.
 * Whatever ended did so in the middle of the time, as far as anybody knows. Undefined when the time was not watched.
 */
export function flowsBetween(
  before: Sighting | undefined,
  after: Sighting,
  { arrived, ordered, slots }: Between,
): Flows | undefined {
  const seconds = before === undefined ? Number.NaN : after.at - before.at;
  if (before === undefined || !(seconds > 0 && seconds <= LONGEST_GAP_SECONDS)) return undefined;
  const hours = seconds / 3600;
  return {
    submissionRate: { events: arrived, exposure: hours },
    matchRate: matches(before, after, hours, slots),
    provisioningRate: { events: ordered, exposure: (hours / 2) * (before.queued + after.queued) },
    ...ends(before, after, hours),
  };
}

type Ends = Pick<Flows, "completionRate" | "idleTerminationRate" | "runningTerminationRate">;

function ends(before: Sighting, after: Sighting, hours: number): Ends {
  const idle = { events: 0, exposure: 0 };
  const busy = { events: 0, exposure: 0 };
  const jobs = { events: 0, exposure: 0 };
  for (const [id, then] of Object.entries(before.working)) {
    const now = after.working[id];
    const machines = then.jobs.length === 0 ? idle : busy;
    machines.events += now === undefined ? 1 : 0;
    machines.exposure += now === undefined ? hours / 2 : hours;
    const still = new Set(now?.jobs);
    const left = then.jobs.filter((job) => !still.has(job)).length;
    // Jobs of an instance that ended are not done.
    if (now !== undefined) jobs.events += left;
    jobs.exposure += (hours / 2) * left + hours * (then.jobs.length - left);
  }
  return { completionRate: jobs, idleTerminationRate: idle, runningTerminationRate: busy };
}

function matches(before: Sighting, after: Sighting, hours: number, slots: readonly AnnexSlot[]): Period {
  const joined = new Set(Object.keys(after.working).filter((id) => before.working[id] === undefined));
  let events = 0;
  for (const [id, now] of Object.entries(after.working)) {
    // A slot that one job left and the next one took was not idle: what became busy in addition was matched anew.
    events += Math.max(0, now.jobs.length - (before.working[id]?.jobs.length ?? 0));
  }
  let exposure = (hours / 2) * (fewer(before) + fewer(after, joined));
  for (const { instanceId, state, startedAt, jobStarted } of slots) {
    const waited = (jobStarted ?? Number.NaN) - (startedAt ?? Number.NaN);
    if (joined.has(instanceId ?? "") && state === "Claimed" && waited > 0) exposure += waited / 3600;
  }
  return { events, exposure };
}

/** What a file holds of a look; undefined when it is none. */
export function parseSighting(found: unknown): Sighting | undefined {
  const { at, queued, working } = record(found);
  const [time, jobs] = [finite(at), finite(queued)];
  if (time === undefined || jobs === undefined || jobs < 0) return undefined;
  const instances = Object.entries(record(working)).map(([id, one]): [string, Working] => {
    const { jobs: ids, idle } = record(one);
    return [id, { jobs: list(ids, text), idle: Math.max(0, finite(idle) ?? 0) }];
  });
  return { at: time, queued: jobs, working: Object.fromEntries(instances) };
}

/** What a file holds of stretches of time; those that are not whole are left out. */
export function parseBins(found: unknown): Bin[] {
  return list(found, (one) => {
    const { from, flows } = record(one);
    const at = finite(from);
    const periods = FLOWS.flatMap((name): [string, Period][] => {
      const { events, exposure } = numbers(record(flows)[name]);
      const good = events !== undefined && exposure !== undefined && events >= 0 && exposure >= 0;
      return good ? [[name, { events, exposure }]] : [];
    });
    return at === undefined || periods.length < FLOWS.length
      ? undefined
      : { from: at, flows: Object.fromEntries(periods) as Flows };
  }).slice(-BINS);
}

/** How many matches could be made: as many as there are jobs that wait, or free CPUs if these are fewer. */
function fewer({ queued, working }: Sighting, but: ReadonlySet<string> = new Set()): number {
  const idle = Object.entries(working).reduce((sum, [id, one]) => sum + (but.has(id) ? 0 : one.idle), 0);
  return Math.min(queued, idle);
}

/** Adds what was counted to the stretch of time that it belongs to, and forgets what is older than a day. */
export function addFlows(bins: readonly Bin[], at: UnixTime, flows: Flows): Bin[] {
  const from = at - (at % BIN_SECONDS);
  // A time to come is one of a clock that was wrong.
  const kept = bins.filter((bin) => bin.from <= from);
  const last = kept.at(-1);
  if (last === undefined || last.from < from) return [...kept, { from, flows }].slice(-BINS);
  const sums = FLOWS.map((name): [string, Period] => [
    name,
    {
      events: last.flows[name].events + flows[name].events,
      exposure: last.flows[name].exposure + flows[name].exposure,
    },
  ]);
  return [...kept.slice(0, -1), { from, flows: Object.fromEntries(sums) as Flows }];
}
