import { add, at, zeros } from "./entries.ts";
import { UpdraftError } from "../errors.ts";
import type { Complex } from "./complex.ts";
import { characteristic, longestDelay, withoutZeroDelays, type DelaySystem } from "./delay-system.ts";
import { eigenvalues } from "./eigenvalues.ts";
import { countWithin, enclosure } from "./root-count.ts";

/** Chebyshev nodes per memory, tried one after the other until the count of roots confirms that none was missed. */
const RESOLUTIONS = [16, 32, 64, 128];
/** Further left e^(−λ delay) grows beyond what the mesh resolves, and then beyond double precision. */
const LARGEST_EXPONENT = 200;
/** A count that takes longer runs too close to a root, or too far left. */
const MOST_EVALUATIONS = 20_000;
/** More starts than these cost more than a finer mesh. */
const MOST_STARTS = 3000;

/**
 * The rightmost characteristic roots in the upper half plane (real ones included), rightmost first, in 1/h: `count`, or
 * fewer when the finest mesh resolves no more; polished by Newton's method on the characteristic function. The
 * argument principle confirms that none lies further right. Source: Breda, Maset and Vermiglio, SIAM J. Sci. Comput. 27
 * (2005). Throws `failed` rather than giving roots that could not be confirmed.
 */
export function rightmostRoots(given: DelaySystem, count: number): Complex[] {
  const system = withoutZeroDelays(given);
  const resolutions = system.feedbacks.length > 0 ? RESOLUTIONS : RESOLUTIONS.slice(0, 1);
  for (const nodes of resolutions) {
    const enough = nodes === resolutions.at(-1) ? 1 : count;
    const right = (roots: readonly Complex[]): boolean =>
      roots.length >= enough && confirmed(system, roots, count);
    const coarse = polished(system, candidates(system, nodes));
    if (right(coarse)) return coarse.slice(0, count);
    if (nodes === RESOLUTIONS[0]) continue;
    const roots = polished(system, [...coarse, ...startsAlong(system, coarse)]);
    if (right(roots)) return roots.slice(0, count);
  }
  throw new UpdraftError(
    "failed",
    "the rightmost roots of the model could not be confirmed",
    "Check the rates and delays: a delay is too long for the fastest rate.",
  );
}

/**
 * Points on the line through the rightmost root found so far, as far up as roots can lie: those of a long delay stand about
 * 2π/delay apart, finer than a coarse mesh resolves.
 */
function startsAlong(system: DelaySystem, roots: readonly Complex[]): Complex[] {
  const delay = longestDelay(system);
  const re = roots[0]?.re ?? 0;
  const { height } = enclosure(system, re);
  const count = Math.floor((2 * delay * height) / Math.PI);
  if (!(count <= MOST_STARTS)) return [];
  return Array.from({ length: count }, (_, i) => ({ re, im: ((i + 1) * Math.PI) / (2 * delay) }));
}

/**
 * Eigenvalues of the generator of the solution semigroup on a Chebyshev mesh without those that stand for the structural
 * roots, upper half plane only, rightmost first.
 */
function candidates(system: DelaySystem, nodes: number): Complex[] {
  const found = eigenvalues(generator(system, nodes));
  for (const root of system.structuralRoots) {
    const distances = found.map(({ re, im }) => Math.hypot(re - root, im));
    found.splice(distances.indexOf(Math.min(...distances)), 1);
  }
  return found.filter(({ im }) => im >= 0).sort((a, b) => b.re - a.re);
}

/** Rows: the states now, then per feedback the values of its output at the nodes before now. */
function generator(system: DelaySystem, nodes: number): number[][] {
  const n = system.matrix.length;
  const size = n + nodes * system.feedbacks.length;
  const rows = zeros(size);
  system.matrix.forEach((row, i) => row.forEach((value, j) => add(rows, i, j, value)));
  system.feedbacks.forEach((feedback, k) => {
    const start = n + k * nodes - 1;
    // Node 0 is now, where the memory is the output of the states.
    const addNode = (i: number, node: number, value: number): void => {
      if (node > 0) add(rows, i, start + node, value);
      else feedback.output.forEach((weight, j) => add(rows, i, j, weight * value));
    };
    const longest = Math.max(...feedback.inputs.map(({ delay }) => delay));
    const x = chebyshev(nodes);
    for (let i = 1; i <= nodes; i++)
      for (let j = 0; j <= nodes; j++) addNode(start + i, j, (2 / longest) * differentiation(x, i, j));
    for (const { delay, gain } of feedback.inputs)
      interpolation(x, 1 - (2 * delay) / longest).forEach((weight, node) =>
        gain.forEach((factor, i) => addNode(i, node, factor * weight)),
      );
  });
  return rows;
}

/** Chebyshev points of the second kind from 1 down to −1. */
const chebyshev = (nodes: number): number[] =>
  Array.from({ length: nodes + 1 }, (_, i) => Math.cos((i * Math.PI) / nodes));

const barycentric = (i: number, nodes: number): number =>
  (i % 2 === 0 ? 1 : -1) * (i === 0 || i === nodes ? 0.5 : 1);

/** Entry of the differentiation matrix at Chebyshev points (Trefethen's `cheb`). */
function differentiation(x: readonly number[], i: number, j: number): number {
  const nodes = x.length - 1;
  const [xi, xj] = [at(x, i), at(x, j)];
  if (i !== j) return barycentric(j, nodes) / barycentric(i, nodes) / (xi - xj);
  if (i === nodes) return -(2 * nodes * nodes + 1) / 6;
  return -xi / (2 * (1 - xi * xi));
}

/** Weights of the values at the points for the polynomial's value at `at` (barycentric formula). */
function interpolation(x: readonly number[], at: number): number[] {
  const exact = x.findIndex((value) => Math.abs(value - at) < 1e-15);
  if (exact >= 0) return x.map((_, i) => (i === exact ? 1 : 0));
  const weights = x.map((value, i) => barycentric(i, x.length - 1) / (at - value));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Those candidates from which Newton's method finds a root close by, each root once, rightmost first. */
function polished(system: DelaySystem, guesses: readonly Complex[]): Complex[] {
  const delay = longestDelay(system);
  const evaluate = characteristic(system);
  const scale = Math.max(0, ...guesses.map(({ re, im }) => Math.hypot(re, im)));
  const roots: Complex[] = [];
  for (const guess of guesses) {
    const root = newton(evaluate, guess, LARGEST_EXPONENT / delay);
    if (root === undefined || roots.some((known) => close(known, root, scale))) continue;
    roots.push(root);
  }
  return roots.sort((a, b) => b.re - a.re);
}

const close = (a: Complex, b: Complex, scale: number): boolean =>
  Math.hypot(a.re - b.re, a.im - b.im) <= 1e-9 * Math.hypot(a.re, a.im) + 1e-14 * scale;

function newton(
  evaluate: ReturnType<typeof characteristic>,
  guess: Complex,
  furthestLeft: number,
): Complex | undefined {
  let { re, im } = guess;
  let last = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 40; i++) {
    if (!(re > -furthestLeft)) return undefined;
    const { ratio } = evaluate({ re, im });
    const size = ratio.re * ratio.re + ratio.im * ratio.im;
    const step = Number.isFinite(size) ? { re: ratio.re / size, im: -ratio.im / size } : { re: 0, im: 0 };
    re -= step.re;
    im -= step.im;
    const length = Math.hypot(step.re, step.im);
    const here = Math.hypot(re, im);
    if (length <= 1e-14 * here || (length <= 1e-9 * here && length >= last / 2)) {
      // Real roots keep no imaginary dust; the conjugate is the same root.
      return { re, im: Math.abs(im) <= 1e-12 * here ? 0 : Math.abs(im) };
    }
    last = length;
  }
  return undefined;
}

/**
 * Counts the roots right of a line behind those asked for, and compares. The line goes through the widest of the next gaps, but
 * no further left than that: a coarse mesh may not have found what lies there.
 */
function confirmed(system: DelaySystem, roots: readonly Complex[], count: number): boolean {
  const last = Math.min(count, roots.length) - 1;
  const delay = longestDelay(system);
  let best = { gap: 0, line: 0, found: 0 };
  let found = 0;
  for (const [i, root] of roots.slice(0, last + 4).entries()) {
    found += root.im === 0 ? 1 : 2;
    if (i < last) continue;
    const next = roots[i + 1]?.re ?? Number.NEGATIVE_INFINITY;
    const furthest = delay > 0 ? 1 / delay : 1 + Math.hypot(root.re, root.im);
    const gap = Math.min(root.re - next, furthest);
    if (gap > best.gap) best = { gap, line: root.re - gap / 2, found };
  }
  return best.gap > 0 && countWithin(system, best.line, MOST_EVALUATIONS) === best.found;
}
