import { at } from "./entries.ts";
import type { Estimate } from "./estimate.ts";
import { pm2Stable } from "./pm2.ts";
import { SYMBOLS, type ModelParameters, type ModelVariant } from "./parameters.ts";

export type Verdict = {
  readonly stability: "stable" | "unstable" | "undetermined";
  /** Why it is undetermined. */
  readonly reason?: string;
};

/** Estimates of every rate; undefined where a rate was not identifiable. */
export type RateEstimates = Readonly<Record<keyof ModelParameters, Estimate | undefined>>;

const DRAWS = 200;
const NAMES = Object.keys(SYMBOLS) as (keyof ModelParameters)[];

/**
 * Stability of PM2 as far as the estimates decide it: only when every corner of the box of 90 % intervals and 200 points
 * within agree. A rate known by its prior alone, or not at all, leaves it undetermined. The spin-up delay is in hours.
 */
export function stabilityVerdict(
  rates: RateEstimates,
  spinUpDelay: Estimate,
  variant: ModelVariant,
): Verdict {
  const intervals: { readonly low: number; readonly high: number }[] = [];
  for (const [name, estimate] of [
    ...NAMES.map((name) => [name, rates[name]] as const),
    ["spinUpDelay", spinUpDelay] as const,
  ]) {
    if (estimate === undefined) return undetermined(`${name} cannot be measured here`);
    if (estimate.source === "prior") return undetermined(`${name} has not been measured`);
    intervals.push(estimate);
  }
  const stable = (point: readonly number[]): boolean => {
    const parameters = Object.fromEntries(NAMES.map((name, i) => [name, point[i]])) as ModelParameters;
    return pm2Stable(parameters, variant, at(point, NAMES.length));
  };
  let every: boolean | undefined;
  for (const point of points(intervals)) {
    const here = stable(point);
    every ??= here;
    if (here !== every) return undetermined("the intervals of the rates hold stable and unstable pools");
  }
  return { stability: every === true ? "stable" : "unstable" };
}

const undetermined = (reason: string): Verdict => ({ stability: "undetermined", reason });

/** Corners, then points of an even sequence (additive, by square roots of primes), spread over the logarithms. */
function* points(intervals: readonly { readonly low: number; readonly high: number }[]): Generator<number[]> {
  for (let corner = 0; corner < 2 ** intervals.length; corner++)
    yield intervals.map(({ low, high }, i) => ((corner >> i) % 2 === 0 ? low : high));
  const primes = [2, 3, 5, 7, 11, 13, 17];
  for (let draw = 1; draw <= DRAWS; draw++)
    yield intervals.map(({ low, high }, i) => {
      const share = (draw * Math.sqrt(at(primes, i))) % 1;
      return low * (high / low) ** share;
    });
}
