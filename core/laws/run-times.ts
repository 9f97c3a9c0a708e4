import { at } from "../at.ts";
import type { Group, Observation } from "./law.ts";

/** Ends and hours at risk by age of jobs: what is needed to tell how long they run, those still at work included. */
export type Ages = { readonly ends: readonly number[]; readonly hours: readonly number[] };

/** What is known of all jobs together and of each group's latest. */
export type RunTimes = { readonly all: Ages; readonly groups: Readonly<Record<Group, Ages>> };

/** Ages in hours at which the bins begin: 0, 1 min, 2 min, 4 min … 1024 min. */
export const AGES: readonly number[] = [0, ...Array.from({ length: 11 }, (_, i) => 2 ** i / 60)];

const LAST = AGES.length - 1;
const NONE: Ages = { ends: AGES.map(() => 0), hours: AGES.map(() => 0) };
export const NO_RUN_TIMES: RunTimes = { all: NONE, groups: {} };

/** Of a group the newest ends count; older ones fade by halves. */
const ENDS_REMEMBERED = 300;
export const GROUPS_REMEMBERED = 500;

function binOf(minutes: number): number {
  return Math.min(LAST, 32 - Math.clz32(minutes));
}

/** Adds what happened since the last look. */
export function learnRunTimes(
  known: RunTimes,
  { now, machines, completed }: Pick<Observation, "now" | "machines" | "completed">,
  lookSeconds: number,
): RunTimes {
  const all = copy(known.all);
  const groups: Record<Group, Writable> = {};
  const of = (group: Group): Writable => (groups[group] ??= copy(known.groups[group] ?? NONE));
  const { hours: allHours } = all;
  let group: Group | undefined;
  let groupHours = allHours;
  for (const machine of machines) {
    for (const job of machine.jobs) {
      const seconds = now - job.started;
      if (seconds <= 0) continue;
      // Thousands of jobs are looked at each time, and those of a group often come together.
      if (job.group !== group) {
        ({ group } = job);
        groupHours = of(group).hours;
      }
      const bin = binOf(seconds / 60);
      const hours = (seconds < lookSeconds ? seconds : lookSeconds) / 3600;
      allHours[bin] = (allHours[bin] ?? 0) + hours;
      groupHours[bin] = (groupHours[bin] ?? 0) + hours;
    }
  }
  for (const { group, seconds } of completed) {
    const bin = binOf(seconds / 60);
    // When between two looks a job ended nobody saw.
    const hours = Math.min(seconds, lookSeconds / 2) / 3600;
    const own = of(group);
    for (const one of [all, own]) {
      add(one.ends, bin, 1);
      add(one.hours, bin, hours);
    }
    if (sum(own.ends) > ENDS_REMEMBERED) fade(own);
  }
  return { all, groups: remembered({ ...known.groups, ...groups }, groups) };
}

/** At most so many groups; one without news goes first. */
function remembered(
  groups: Record<Group, Ages>,
  news: Readonly<Record<Group, Ages>>,
): Readonly<Record<Group, Ages>> {
  const names = Object.keys(groups);
  if (names.length <= GROUPS_REMEMBERED) return groups;
  for (const name of names.filter((name) => !(name in news)).slice(0, names.length - GROUPS_REMEMBERED)) {
    delete groups[name];
  }
  return groups;
}

type Writable = { ends: number[]; hours: number[] };

function copy({ ends, hours }: Ages): Writable {
  return { ends: ends.slice(), hours: hours.slice() };
}

function add(values: number[], bin: number, by: number): void {
  values[bin] = (values[bin] ?? 0) + by;
}

function fade(ages: Writable): void {
  ages.ends = ages.ends.map((n) => n / 2);
  ages.hours = ages.hours.map((h) => h / 2);
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The share of jobs that run longer than a time, in hours; piecewise exponential over the bins. */
export type Survival = {
  at(hours: number): number;
  /** That a job of this age is still at work after so long. */
  beyond(age: number, ahead: number): number;
  /** ∫₀^hours S. */
  integral(hours: number): number;
  readonly mean: number;
  /** Ends that it rests on. */
  readonly ends: number;
};

/** Of all jobs: a bin counts one end more, at the pooled rate, and the whole one end more in one hour. */
export function survival(ages: Ages): Survival {
  return fromHazard(hazardOf(ages), sum(ages.ends));
}

/** Ends per hour by age. */
export function hazardOf({ ends, hours }: Ages): readonly number[] {
  const pooled = (sum(ends) + 1) / (sum(hours) + 1);
  return AGES.map((_, bin) => (at(ends, bin) + 1) / (at(hours, bin) + 1 / pooled));
}

const PRIOR_ENDS = 2;

/** Of one group: drawn to all jobs by two ends a bin. Jobs of one user are alike, and unlike those of others. */
export function groupHazard(known: RunTimes, group: Group, all: readonly number[]): readonly number[] {
  const own = known.groups[group];
  if (own === undefined) return all;
  const hazard: number[] = [];
  for (let bin = 0; bin <= LAST; bin++) {
    hazard.push((at(own.ends, bin) + PRIOR_ENDS) / (at(own.hours, bin) + PRIOR_ENDS / at(all, bin)));
  }
  return hazard;
}

function fromHazard(hazard: readonly number[], ends: number): Survival {
  const cumulated: number[] = [0];
  const integrals: number[] = [0];
  for (let bin = 0; bin < LAST; bin++) {
    const width = at(AGES, bin + 1) - at(AGES, bin);
    const h = at(hazard, bin);
    integrals.push(at(integrals, bin) + (Math.exp(-at(cumulated, bin)) * (1 - Math.exp(-h * width))) / h);
    cumulated.push(at(cumulated, bin) + h * width);
  }
  const into = (age: number): { bin: number; h: number; since: number } => {
    const bin = binOf(age * 60);
    return { bin, h: hazard[bin] ?? 1, since: Math.max(0, age - at(AGES, bin)) };
  };
  const cumulative = (age: number): number => {
    const { bin, h, since } = into(age);
    return at(cumulated, bin) + h * since;
  };
  return {
    at: (hours) => Math.exp(-cumulative(hours)),
    beyond: (age, ahead) => Math.exp(cumulative(age) - cumulative(age + ahead)),
    integral(hours) {
      const { bin, h, since } = into(hours);
      return at(integrals, bin) + (Math.exp(-at(cumulated, bin)) * (1 - Math.exp(-h * since))) / h;
    },
    mean: at(integrals, LAST) + Math.exp(-at(cumulated, LAST)) / (hazard[LAST] ?? 1),
    ends,
  };
}

/** Younger jobs are told apart by the minute, older ones by the bin. */
const YOUNG_MINUTES = 8;
const YOUNG_BIN = binOf(YOUNG_MINUTES);
/** The age that stands for a bin, over its beginning. */
const MIDDLE = 1.4;

/** The chance that a job of an age (seconds) is still at work `ahead` hours later. Made for many jobs: it remembers. */
export function stayChance(hazard: readonly number[], ahead: number): (ageSeconds: number) => number {
  const chances: number[] = [];
  return (ageSeconds) => {
    const minutes = ageSeconds / 60;
    const young = minutes < YOUNG_MINUTES;
    const place = young ? Math.floor(minutes) : YOUNG_MINUTES + binOf(minutes) - YOUNG_BIN;
    const known = chances[place];
    if (known !== undefined) return known;
    const age = young ? (place + 0.5) / 60 : at(AGES, binOf(minutes)) * MIDDLE;
    return (chances[place] = Math.exp(-risk(hazard, age, age + ahead)));
  };
}

/** ∫ of the hazard from one age to another. */
function risk(hazard: readonly number[], from: number, to: number): number {
  let age = from;
  let sum = 0;
  for (let bin = binOf(from * 60); age < to; bin++) {
    const ends = bin >= LAST ? to : Math.min(to, AGES[bin + 1] ?? to);
    sum += at(hazard, Math.min(bin, LAST)) * (ends - age);
    age = ends;
  }
  return sum;
}
