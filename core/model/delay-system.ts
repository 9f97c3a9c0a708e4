import { UpdraftError } from "../errors.ts";
import type { Complex } from "./complex.ts";
import { add, at, entry } from "./entries.ts";

/**
 * A linear system with discrete delays: x'(t) = A x(t) + Σ gain · (output · x(t − delay)), delays in hours.
 * Only what `output` picks has a memory, which keeps the discretised problem small.
 */
export type DelaySystem = {
  /** n × n, per hour. */
  readonly matrix: readonly (readonly number[])[];
  readonly feedbacks: readonly Feedback[];
  /** Real roots that come from how the equations are written and that no pool can show; they are divided out. */
  readonly structuralRoots: readonly number[];
};

export type Feedback = {
  /** n weights. */
  readonly output: readonly number[];
  readonly inputs: readonly { readonly delay: number; readonly gain: readonly number[] }[];
};

/** The same system with feedbacks of no delay added into its matrix. */
export function withoutZeroDelays(system: DelaySystem): DelaySystem {
  const matrix = system.matrix.map((row) => [...row]);
  const feedbacks: Feedback[] = [];
  for (const { output, inputs } of system.feedbacks) {
    for (const { delay, gain } of inputs) {
      if (delay > 0) continue;
      gain.forEach((factor, i) => output.forEach((weight, j) => add(matrix, i, j, factor * weight)));
    }
    const delayed = inputs.filter(({ delay }) => delay > 0);
    if (delayed.length > 0) feedbacks.push({ output, inputs: delayed });
  }
  return { matrix, feedbacks, structuralRoots: system.structuralRoots };
}

export function longestDelay({ feedbacks }: DelaySystem): number {
  return Math.max(0, ...feedbacks.flatMap(({ inputs }) => inputs.map(({ delay }) => delay)));
}

/** The characteristic function Δ(λ) = det(λ − A − Σ gain outputᵀ e^(−λ delay))/Π(λ − structural root) at one point. */
export type Characteristic = {
  /** Δ as magnitude's logarithm and angle, so that it never overflows. */
  readonly logarithm: number;
  readonly angle: number;
  /** Δ'/Δ; infinite at a root. */
  readonly ratio: Complex;
};

/** A function that evaluates Δ and Δ'/Δ; it reuses its workspace, so one serves one caller. */
export function characteristic(system: DelaySystem): (point: Complex) => Characteristic {
  const n = system.matrix.length;
  // M beside M', each entry as real and imaginary part.
  const width = 4 * n;
  const work = new Float64Array(n * width);
  const terms = system.feedbacks.flatMap(({ output, inputs }) =>
    inputs.map(({ delay, gain }) => ({ delay, gain, output })),
  );
  return (point) => {
    fill(work, system, terms, point);
    const eliminated = eliminate(work, n);
    if (eliminated.singular)
      return {
        logarithm: Number.NEGATIVE_INFINITY,
        angle: 0,
        ratio: { re: Number.POSITIVE_INFINITY, im: 0 },
      };
    let { logarithm, angle } = eliminated;
    let { re, im } = traceOfQuotient(work, n);
    for (const root of system.structuralRoots) {
      const [x, y] = [point.re - root, point.im];
      const square = x * x + y * y;
      logarithm -= Math.log(square) / 2;
      angle -= Math.atan2(y, x);
      re -= x / square;
      im += y / square;
    }
    return { logarithm, angle, ratio: { re, im } };
  };
}

type Term = {
  readonly delay: number;
  readonly gain: readonly number[];
  readonly output: readonly number[];
};

function fill(work: Float64Array, { matrix }: DelaySystem, terms: readonly Term[], point: Complex): void {
  const n = matrix.length;
  const width = 4 * n;
  work.fill(0);
  for (let i = 0; i < n; i++) {
    const row = i * width;
    for (let j = 0; j < n; j++) work[row + 2 * j] = -entry(matrix, i, j);
    work[row + 2 * i] = at(work, row + 2 * i) + point.re;
    work[row + 2 * i + 1] = point.im;
    work[row + 2 * (n + i)] = 1;
  }
  for (const { delay, gain, output } of terms) {
    const size = Math.exp(-point.re * delay);
    const re = size * Math.cos(point.im * delay);
    const im = -size * Math.sin(point.im * delay);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const weight = at(gain, i) * at(output, j);
        if (weight === 0) continue;
        const cell = i * width + 2 * j;
        work[cell] = at(work, cell) - weight * re;
        work[cell + 1] = at(work, cell + 1) - weight * im;
        const slope = cell + 2 * n;
        work[slope] = at(work, slope) + weight * delay * re;
        work[slope + 1] = at(work, slope + 1) + weight * delay * im;
      }
    }
  }
}

/** Gaussian elimination of the left half with row pivoting; gives its determinant. */
function eliminate(work: Float64Array, n: number): { logarithm: number; angle: number; singular: boolean } {
  const width = 4 * n;
  let logarithm = 0;
  let angle = 0;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    let largest = -1;
    for (let i = k; i < n; i++) {
      const cell = i * width + 2 * k;
      const size = Math.hypot(at(work, cell), at(work, cell + 1));
      if (size > largest) [largest, pivot] = [size, i];
    }
    if (!Number.isFinite(largest))
      throw new UpdraftError(
        "failed",
        "the characteristic function of the model is not finite",
        "Check the rates and delays: their products are too large.",
      );
    if (largest === 0) return { logarithm: 0, angle: 0, singular: true };
    if (pivot !== k) {
      angle += Math.PI;
      for (let j = 2 * k; j < width; j++) {
        const upper = at(work, k * width + j);
        work[k * width + j] = at(work, pivot * width + j);
        work[pivot * width + j] = upper;
      }
    }
    const top = k * width;
    const [re, im] = [at(work, top + 2 * k), at(work, top + 2 * k + 1)];
    logarithm += Math.log(largest);
    angle += Math.atan2(im, re);
    for (let i = k + 1; i < n; i++) {
      const row = i * width;
      const [x, y] = [at(work, row + 2 * k), at(work, row + 2 * k + 1)];
      if (x === 0 && y === 0) continue;
      const fr = (x * re + y * im) / largest / largest;
      const fi = (y * re - x * im) / largest / largest;
      for (let j = 2 * k; j < width; j += 2) {
        const [u, v] = [at(work, top + j), at(work, top + j + 1)];
        work[row + j] = at(work, row + j) - (fr * u - fi * v);
        work[row + j + 1] = at(work, row + j + 1) - (fr * v + fi * u);
      }
    }
  }
  return { logarithm, angle, singular: false };
}

/** Trace of M⁻¹M' by back substitution after the elimination: the logarithmic derivative of det M. */
function traceOfQuotient(work: Float64Array, n: number): Complex {
  const width = 4 * n;
  let [traceRe, traceIm] = [0, 0];
  for (let column = 0; column < n; column++) {
    for (let i = n - 1; i >= column; i--) {
      const row = i * width;
      const cell = row + 2 * (n + column);
      let [re, im] = [at(work, cell), at(work, cell + 1)];
      for (let j = i + 1; j < n; j++) {
        const [u, v] = [at(work, row + 2 * j), at(work, row + 2 * j + 1)];
        const other = j * width + 2 * (n + column);
        const [x, y] = [at(work, other), at(work, other + 1)];
        re -= u * x - v * y;
        im -= u * y + v * x;
      }
      const [u, v] = [at(work, row + 2 * i), at(work, row + 2 * i + 1)];
      const size = u * u + v * v;
      work[cell] = (re * u + im * v) / size;
      work[cell + 1] = (im * u - re * v) / size;
    }
    const diagonal = column * width + 2 * (n + column);
    traceRe += at(work, diagonal);
    traceIm += at(work, diagonal + 1);
  }
  return { re: traceRe, im: traceIm };
}
