import { UpdraftError } from "../errors.ts";
import type { Complex } from "./complex.ts";
import { add, at } from "./entries.ts";
import { characteristic, withoutZeroDelays, type Characteristic, type DelaySystem } from "./delay-system.ts";

const MOST_EVALUATIONS = 200_000;

/**
 * The number of characteristic roots (conjugates counted, structural roots not) with a real part above `abscissa`, by the
 * argument principle on a rectangle that holds them all. Throws `failed` when a root lies on its edge or the way is too long.
 */
export function countRootsRightOf(system: DelaySystem, abscissa: number): number {
  const count = countWithin(system, abscissa, MOST_EVALUATIONS);
  if (count !== undefined) return count;
  throw new UpdraftError(
    "failed",
    "the characteristic roots of the model could not be counted",
    "Check the rates and delays: their ratios are too large, or the line of the count runs through a root.",
  );
}

/** The same count, undefined when it would take more evaluations than these or meets a root on its way. */
export function countWithin(
  given: DelaySystem,
  abscissa: number,
  mostEvaluations: number,
): number | undefined {
  const system = withoutZeroDelays(given);
  const { height, right } = enclosure(system, abscissa);
  if (!Number.isFinite(height)) return undefined;
  const evaluate = characteristic(system);
  const corners: Complex[] = [
    { re: right, im: 0 },
    { re: right, im: height },
    { re: abscissa, im: height },
    { re: abscissa, im: 0 },
  ];
  let turned = 0;
  let left = mostEvaluations;
  let here = evaluate({ re: right, im: 0 });
  let point = { re: right, im: 0 };
  for (const corner of corners.slice(1)) {
    const length = Math.hypot(corner.re - point.re, corner.im - point.im);
    const start = point;
    let done = 0;
    let step = length / 16;
    while (done < length) {
      if (left-- <= 0) return undefined;
      step = Math.min(step, length - done, length / 16, 0.4 / Math.hypot(here.ratio.re, here.ratio.im));
      if (!(step > 1e-13 * length)) return undefined;
      const share = length - done - step < 1e-12 * length ? 1 : (done + step) / length;
      const next = {
        re: start.re + share * (corner.re - start.re),
        im: start.im + share * (corner.im - start.im),
      };
      const there = evaluate(next);
      const turn = turnBetween(here, there);
      if (Math.abs(turn) > 0.8 || step * Math.hypot(there.ratio.re, there.ratio.im) > 1) {
        step /= 2;
        continue;
      }
      turned += turn;
      done = share === 1 ? length : done + step;
      [here, point] = [there, next];
      step *= 2;
    }
    point = corner;
  }
  const count = turned / Math.PI;
  const whole = Math.abs(Math.round(count));
  return Math.abs(count - whole) < 0.01 ? whole : undefined;
}

function turnBetween(from: Characteristic, to: Characteristic): number {
  const turn = to.angle - from.angle;
  return turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI));
}

/**
 * A rectangle for all roots λ with Re λ > abscissa. For such a root |λ − A_ii| |x_i| ≤ Σ |G_ij| |x_j|, where G holds what
 * is off the diagonal or delayed, so |Im λ| and Re λ − max A_ii are at most the spectral radius of G.
 */
export function enclosure(system: DelaySystem, abscissa: number): { height: number; right: number } {
  const sizes = system.matrix.map((row, i) => row.map((value, j) => (i === j ? 0 : Math.abs(value))));
  for (const { output, inputs } of system.feedbacks)
    for (const { delay, gain } of inputs) {
      const size = Math.exp(-abscissa * delay);
      gain.forEach((factor, i) =>
        output.forEach((weight, j) => add(sizes, i, j, Math.abs(factor * weight) * size)),
      );
    }
  const radius = 1.01 * spectralRadiusBound(sizes) + 1e-9;
  const diagonal = Math.max(...system.matrix.map((row, i) => at(row, i)));
  return { height: radius, right: Math.max(diagonal, abscissa) + radius };
}

/** An upper bound of the spectral radius of a matrix without negative entries (Collatz and Wielandt). */
function spectralRadiusBound(sizes: readonly (readonly number[])[]): number {
  const times = (vector: readonly number[]): number[] =>
    sizes.map((row) => row.reduce((sum, value, j) => sum + value * at(vector, j), 0));
  let vector = sizes.map(() => 1);
  let bound = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 60; i++) {
    const image = times(vector);
    bound = Math.min(bound, Math.max(...image.map((value, j) => value / at(vector, j))));
    // Half of the old vector damps the two-cycles of matrices with a zero diagonal.
    const mixed = image.map((value, j) => value + bound * at(vector, j));
    const largest = Math.max(...mixed);
    if (!(largest > 0)) return bound;
    vector = mixed.map((value) => Math.max(value / largest, 1e-9));
  }
  return bound;
}
