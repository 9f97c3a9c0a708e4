import { UpdraftError } from "../errors.ts";
import { at } from "./entries.ts";
import type { Estimate } from "./estimate.ts";
import { logNormalTail } from "./gamma.ts";
import { crossing } from "./solve.ts";

/**
 * What is known of one or more machines' spin-up delay: it lies between two times in hours. Both are the same when it was
 * measured, `to` is infinite while the machine is still on its way.
 */
export type SpinUp = { readonly from: number; readonly to: number; readonly count?: number };

/**
 * Prior of the logarithm of the delay, normal-inverse-gamma: the median delay in hours is worth `weight` observations; the
 * variance is inverse-gamma with `shape` and `scale`.
 */
export type SpinUpPrior = {
  readonly median: number;
  readonly weight: number;
  readonly shape: number;
  readonly scale: number;
};

/** Four minutes, give or take: EC2 as it mostly is. */
export const USUAL_SPIN_UP: SpinUpPrior = { median: 4 / 60, weight: 1, shape: 2, scale: 0.15 };

export type SpinUpEstimate = {
  /** The median delay in hours. */
  readonly delay: Estimate;
  /** Hours within which that share of further machines joins, the uncertainty of everything included. */
  readonly within: (share: number) => number;
};

const ENOUGH_EVENTS = 5;
const CELLS = 25;
/** Cells less likely than the likeliest by more than e^18 add nothing. */
const DEPTH = 18;

/**
 * The spin-up delay from machines that joined, from those of which only two polls around it are known, and from those still
 * in flight, which would bias it low if they were left out: the posterior of a lognormal delay, summed on a grid.
 * Throws `usage` on times that are no numbers, negative or in the wrong order.
 */
export function estimateSpinUp(
  observations: readonly SpinUp[],
  prior: SpinUpPrior = USUAL_SPIN_UP,
): SpinUpEstimate {
  const known = summarise(observations.map((one) => narrowed(checked({ count: 1, ...one }))));
  const cells = posterior(known, prior);
  const centre = quantileOf(cells, 0.5);
  const { joined } = known;
  return {
    delay: {
      value: Math.exp(centre),
      low: Math.exp(quantileOf(cells, 0.05)),
      high: Math.exp(quantileOf(cells, 0.95)),
      source: joined === 0 ? "prior" : joined < ENOUGH_EVENTS ? "shrunk" : "measured",
      events: joined,
      exposure: known.hours,
    },
    within: (share) => {
      if (!(share > 0 && share < 1))
        throw new UpdraftError(
          "usage",
          `a share of ${share} of the machines`,
          "Give a share between 0 and 1.",
        );
      return predicted(cells, share);
    },
  };
}

function checked(one: Required<SpinUp>): Required<SpinUp> {
  const { from, to, count } = one;
  if (from >= 0 && to >= from && to > 0 && Number.isFinite(from) && count > 0 && Number.isFinite(count))
    return one;
  throw new UpdraftError(
    "usage",
    `a spin-up delay of ${count} machines between ${from} and ${to} hours`,
    "Give hours from 0 on, the later one last.",
  );
}

/** Bounds that double precision hardly tells apart are one time. */
const narrowed = (one: Required<SpinUp>): Required<SpinUp> =>
  one.to - one.from < 1e-6 * one.to ? { ...one, to: one.from } : one;

type Known = {
  /** Of the logarithms of exact delays. */
  readonly exact: { readonly n: number; readonly mean: number; readonly squares: number };
  /** Logarithms of bounds. */
  readonly bounds: readonly { readonly low: number; readonly high: number; readonly count: number }[];
  readonly joined: number;
  readonly hours: number;
};

function summarise(observations: readonly Required<SpinUp>[]): Known {
  const exact = observations.filter(({ from, to }) => from === to);
  const n = countOf(exact);
  const mean = exact.reduce((sum, one) => sum + one.count * Math.log(one.from), 0) / Math.max(1, n);
  const squares = exact.reduce((sum, one) => sum + one.count * (Math.log(one.from) - mean) ** 2, 0);
  const bounds = observations
    .filter(({ from, to }) => from < to && (from > 0 || to < Number.POSITIVE_INFINITY))
    .map(({ from, to, count }) => ({ low: Math.log(from), high: Math.log(to), count }));
  return {
    exact: { n, mean, squares },
    bounds,
    joined: countOf(observations.filter(({ to }) => to < Number.POSITIVE_INFINITY)),
    hours: observations.reduce((sum, { from, count }) => sum + count * from, 0),
  };
}

const countOf = (observations: readonly Required<SpinUp>[]): number =>
  observations.reduce((sum, { count }) => sum + count, 0);

type Range = readonly [number, number];

/** Means and logarithms of deviations that the grid covers. */
type Box = { readonly means: Range; readonly spreads: Range };

/** A possible mean and standard deviation of the logarithm of the delay, and how likely it is. */
type Cell = { readonly mean: number; readonly deviation: number; readonly weight: number };

function posterior(known: Known, prior: SpinUpPrior): Cell[] {
  const centre = Math.log(prior.median);
  // A hundredth to a hundred times the usual delay; spreads from 1 % to a factor of twenty.
  let box: Box = { means: [centre - 4.6, centre + 4.6], spreads: [Math.log(0.01), Math.log(3)] };
  for (let zoom = 0; ; zoom++) {
    const cells = gridOf(known, prior, box);
    const best = Math.max(...cells.map(({ log }) => log));
    const likely = cells.filter(({ log }) => log > best - DEPTH);
    const next = {
      means: around(
        likely.map(({ mean }) => mean),
        box.means,
      ),
      spreads: around(
        likely.map(({ spread }) => spread),
        box.spreads,
      ),
    };
    if (
      zoom === 8 ||
      (width(next.means) > 0.6 * width(box.means) && width(next.spreads) > 0.6 * width(box.spreads))
    )
      return likely.map(({ mean, spread, log }) => ({
        mean,
        deviation: Math.exp(spread),
        weight: Math.exp(log - best),
      }));
    box = next;
  }
}

const width = ([low, high]: Range): number => high - low;

/** Bounds of these grid values with a cell to spare, within the old ones. */
function around(values: readonly number[], [low, high]: Range): Range {
  const cell = (high - low) / (CELLS - 1);
  return [Math.max(low, Math.min(...values) - cell), Math.min(high, Math.max(...values) + cell)];
}

function gridOf(
  known: Known,
  prior: SpinUpPrior,
  box: Box,
): { readonly mean: number; readonly spread: number; readonly log: number }[] {
  const place = ([low, high]: Range, i: number): number => low + ((high - low) * i) / (CELLS - 1);
  return Array.from({ length: CELLS * CELLS }, (_, cell) => {
    const mean = place(box.means, cell % CELLS);
    const spread = place(box.spreads, Math.floor(cell / CELLS));
    return { mean, spread, log: logPosterior(known, prior, mean, spread) };
  });
}

/** Up to a constant, over the mean and the logarithm of the deviation. */
function logPosterior({ exact, bounds }: Known, prior: SpinUpPrior, mean: number, spread: number): number {
  const deviation = Math.exp(spread);
  const variance = deviation * deviation;
  const fromPrior = prior.weight * (mean - Math.log(prior.median)) ** 2 + 2 * prior.scale;
  const fromExact = exact.squares + exact.n * (exact.mean - mean) ** 2;
  let log = -(2 * prior.shape + 1 + exact.n) * spread - (fromPrior + fromExact) / (2 * variance);
  for (const { low, high, count } of bounds) {
    const upper = low === Number.NEGATIVE_INFINITY ? 0 : logNormalTail((low - mean) / deviation);
    const lower =
      high === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : logNormalTail((high - mean) / deviation);
    log += count * (upper + Math.log1p(-Math.exp(lower - upper)));
  }
  return log;
}

/** Quantile of the mean of the logarithm: within the column of the grid where the weights reach that share. */
function quantileOf(cells: readonly Cell[], share: number): number {
  const columns = new Map<number, number>();
  for (const { mean, weight } of cells) columns.set(mean, (columns.get(mean) ?? 0) + weight);
  const means = [...columns.keys()].sort((a, b) => a - b);
  const weights = means.map((mean) => columns.get(mean) as number);
  const wanted = share * weights.reduce((total, weight) => total + weight, 0);
  const width = (at(means, means.length - 1) - at(means, 0)) / Math.max(1, means.length - 1);
  let column = 0;
  let before = 0;
  while (before + at(weights, column) < wanted) before += at(weights, column++);
  return at(means, column) + width * ((wanted - before) / at(weights, column) - 0.5);
}

/** Quantile of the delay of a further machine, the mixture of lognormal delays over the grid. */
function predicted(cells: readonly Cell[], share: number): number {
  const sum = cells.reduce((total, { weight }) => total + weight, 0);
  const likely = cells.filter(({ weight }) => weight > 1e-6);
  const joined = (hours: number): number => {
    const x = Math.log(hours);
    const later = likely.reduce(
      (total, { mean, deviation, weight }) =>
        total + weight * Math.exp(logNormalTail((x - mean) / deviation)),
      0,
    );
    return 1 - later / sum - share;
  };
  return crossing(joined, 1e-9, 1e9);
}
