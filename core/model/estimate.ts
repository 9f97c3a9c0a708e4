import { UpdraftError } from "../errors.ts";
import { gammaQuantile, studentQuantile95 } from "./gamma.ts";

/** How far a published value rests on this pool: enough events, a few joined with the prior, or none. */
export type EstimateSource = "measured" | "shrunk" | "prior";

/** A value with its 90 % interval. */
export type Estimate = {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly source: EstimateSource;
  readonly events: number;
  readonly exposure: number;
};

/** What is believed before anything was seen. */
export type Prior = { readonly value: number; readonly low: number; readonly high: number };

/** What happened in one stretch of time, and the hours (or machine-hours, or job-hours) in which it could. */
export type Period = { readonly events: number; readonly exposure: number };

/** One poll: a cumulative counter, and how many things were exposed to the event just then (1 for submissions). */
export type Reading = { readonly hours: number; readonly counter: number; readonly exposed: number };

/** From so many independent events on the pool speaks for itself. */
const ENOUGH_EVENTS = 5;
/** Fewer periods than these cannot show that events come in batches. */
const FEWEST_PERIODS = 8;
/** More events than this share where nothing was seen exposed: the exposure was not measured. */
const UNEXPOSED_SHARE = 0.1;

/**
 * Periods between polls: the counter's rise, and the trapezoid of what was exposed. A counter that fell was restarted, and a
 * gap longer than `longestGap` hours was not watched: both are left out whole.
 */
export function periodsBetween(readings: readonly Reading[], longestGap: number): Period[] {
  const periods: Period[] = [];
  for (const [i, to] of readings.entries()) {
    const from = readings[i - 1];
    if (from === undefined) continue;
    const hours = to.hours - from.hours;
    const events = to.counter - from.counter;
    if (!(hours > 0 && hours <= longestGap && events >= 0)) continue;
    periods.push({ events, exposure: (hours * (from.exposed + to.exposed)) / 2 });
  }
  return periods;
}

/**
 * A rate per unit of exposure: Jeffreys' posterior Gamma(n + 1/2) over the exposure. Batches make n events fewer independent
 * ones, n/F by the Fano factor F of the counts, at the scale of time that shows them most; how uncertain F itself is widens
 * the interval as Student's t does. Undefined when events fell where nothing was seen exposed: the rate is not
 * identifiable. Throws `usage` on periods or priors that are no numbers.
 */
export function estimateRate(periods: readonly Period[], prior: Prior): Estimate | undefined {
  checkPeriods(periods);
  checkPrior(prior);
  const events = total(periods, "events");
  const exposure = total(periods, "exposure");
  const unexposed = total(
    periods.filter((one) => one.exposure === 0),
    "events",
  );
  if (unexposed > UNEXPOSED_SHARE * events || (events > 0 && exposure === 0)) return undefined;
  if (exposure === 0) return { ...prior, source: "prior", events, exposure };
  const { fano, groups } = batches(periods);
  const independent = events / fano;
  // With one event there is nothing that could show a batch.
  const widened =
    fano === 1 ? 1 : fano * (studentQuantile95(Math.min(groups - 1, independent)) / 1.6448536269514722) ** 2;
  const quantile = (share: number): number =>
    (gammaQuantile(events / widened + 0.5, share) * widened) / exposure;
  const interval = { low: quantile(0.05), high: quantile(0.95) };
  if (events === 0)
    return { ...hull(interval, prior), value: prior.value, source: "prior", events, exposure };
  const plain = events / exposure;
  if (independent >= ENOUGH_EVENTS && periods.length >= FEWEST_PERIODS)
    return { value: plain, ...interval, source: "measured", events, exposure };
  const weight = independent / (independent + 1);
  const value = plain ** weight * prior.value ** (1 - weight);
  return {
    ...hull(interval, { low: value, high: value }),
    value,
    source: "shrunk",
    events,
    exposure,
  };
}

/**
 * The periods that tell the rate of now: all of them, or only the last `recent` when the intervals of these and of those
 * before them do not meet, so that the rate has drifted.
 */
export function currentPeriods(periods: readonly Period[], recent: number, prior: Prior): readonly Period[] {
  const newer = periods.slice(-recent);
  const last = estimateRate(newer, prior);
  const before = estimateRate(periods.slice(0, -recent), prior);
  if (last === undefined || before === undefined) return periods;
  return last.low > before.high || last.high < before.low ? newer : periods;
}

/** The largest Fano factor (variance over mean of counts, at least 1) of neighbouring periods joined by ones, twos, fours … */
function batches(periods: readonly Period[]): { readonly fano: number; readonly groups: number } {
  let largest = { fano: 1, groups: periods.length };
  let joined = periods;
  while (joined.length >= FEWEST_PERIODS || joined === periods) {
    const events = total(joined, "events");
    const exposure = total(joined, "exposure");
    const expected = (one: Period): number => (events * one.exposure) / exposure;
    const squares = joined.reduce((sum, one) => sum + (one.events - expected(one)) ** 2, 0);
    // What the squares add up to in the mean when events are independent.
    const independent = joined.reduce((sum, one) => sum + expected(one) * (1 - one.exposure / exposure), 0);
    const fano = squares / independent;
    const evenness = joined.reduce((sum, one) => sum + (one.exposure / exposure) ** 2, 0);
    if (fano > largest.fano) largest = { fano, groups: 1 / evenness };
    joined = pairs(joined);
  }
  return largest;
}

function pairs(periods: readonly Period[]): Period[] {
  const joined: Period[] = [];
  for (let i = 0; i < periods.length; i += 2) {
    const two = periods.slice(i, i + 2);
    joined.push({ events: total(two, "events"), exposure: total(two, "exposure") });
  }
  return joined;
}

const total = (periods: readonly Period[], what: keyof Period): number =>
  periods.reduce((sum, one) => sum + one[what], 0);

const hull = (
  a: { readonly low: number; readonly high: number },
  b: { readonly low: number; readonly high: number },
): { low: number; high: number } => ({ low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) });

function checkPeriods(periods: readonly Period[]): void {
  const wrong = periods.findIndex(
    ({ events, exposure }) =>
      !(events >= 0 && exposure >= 0 && Number.isFinite(events) && Number.isFinite(exposure)),
  );
  if (wrong < 0) return;
  throw new UpdraftError(
    "usage",
    `period ${wrong + 1} has ${periods[wrong]?.events} events in an exposure of ${periods[wrong]?.exposure}`,
    "Give counts and exposures as numbers that are not negative.",
  );
}

export function checkPrior({ value, low, high }: Prior): void {
  if (low > 0 && low <= value && value <= high && Number.isFinite(high)) return;
  throw new UpdraftError(
    "usage",
    `a prior of ${value} lies between ${low} and ${high}`,
    "Give a positive value within a positive interval.",
  );
}
