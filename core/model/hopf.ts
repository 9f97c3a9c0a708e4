import { positiveCubicRoots } from "./cubic.ts";
import { linearise, type Linearisation } from "./linearisation.ts";
import { checkHours, type ModelParameters, type ModelVariant } from "./parameters.ts";

/** Where a pair of roots of PM2 crosses the imaginary axis as the spin-up delay grows. */
export type Hopf = {
  /** Spin-up delay in hours at which the equilibrium first loses its stability. */
  readonly criticalDelay: number;
  /** Radians per hour. */
  readonly frequency: number;
  /** Hours. */
  readonly period: number;
};

/**
 * The Hopf point of PM2: ω² is the largest positive root of the cubic |P(iω)|² = |b p (iω + g)|², and the critical delay
 * arg(−b p (iω + g)/P(iω))/ω. Undefined when there is none: no delay makes the equilibrium unstable. With idle ends at a
 * constant rate there is exactly one wherever idle machines are scarce, so the equilibrium is unstable at every longer delay.
 */
export function hopf(parameters: ModelParameters, variant: ModelVariant): Hopf | undefined {
  return hopfOf(linearise(parameters, variant));
}

/** Positive roots ω² of |P(iω)|² = |b p (iω + g)|², the squared frequencies at which roots can cross, smallest first. */
export function crossingFrequenciesSquared(l: Linearisation): number[] {
  const { a, b, c, d, e, g, p, spared } = l;
  if (b === 0) return [];
  const r = e - c;
  // Every difference that would cancel is written out: P = λ³ + s2 λ² + (A1 − b p) λ + g (a d + b spared).
  const q2 = a * a + b * b + d * d + e * e + 2 * (a * b + b * d + b * c + a * (e - g) - b * spared);
  const plain =
    (a * g) ** 2 +
    (b * r) ** 2 +
    (d * e) ** 2 +
    2 * (a * b * g * r + b * d * e * r + a * d * d * (e - g) + a * b * d * (r - g));
  const s1 = a * d + a * g + b * r + d * e;
  const timer = b * spared * (2 * s1 + b * spared - 2 * g * (a + b + d + e));
  const q1 = plain - l.excess * (a * d + b * p) + timer;
  const q0 = -g * g * (l.excess - b * spared) * (a * d + b * spared + b * p);
  return positiveCubicRoots(q2, q1, q0);
}

/** The Hopf point of a linearisation; see `hopf`. */
export function hopfOf(l: Linearisation): Hopf | undefined {
  const square = crossingFrequenciesSquared(l).at(-1);
  if (square === undefined) return undefined;
  const { a, b, c, d, e, g, spared } = l;
  const frequency = Math.sqrt(square);
  const low = g * (a * d + b * spared);
  const re = low - (a + b + d + e) * square;
  const im = frequency * (a * d + a * g + b * (e - c) + d * e + b * spared - square);
  // −(iω + g)/P(iω): only the angle is needed.
  const angle = Math.atan2(-frequency, -g) - Math.atan2(im, re);
  const turned = angle - 2 * Math.PI * Math.floor(angle / (2 * Math.PI));
  return { criticalDelay: turned / frequency, frequency, period: (2 * Math.PI) / frequency };
}

/** How far a pool is from oscillating by its spin-up delay. */
export type Margin = {
  /** Critical over measured spin-up delay: stable above 1; infinite when no delay is critical. */
  readonly delayRatio: number;
  /** Hours by which the spin-up delay may grow; negative beyond the Hopf point. */
  readonly delayHours: number;
  /** The smallest gain σ_QI that oscillates at this spin-up delay, per hour; undefined when none up to `LARGEST_GAIN` does. */
  readonly criticalGain: number | undefined;
};

/** Beyond an order a second per queued job the model means nothing. */
export const LARGEST_GAIN = 3600;

/** Margins of PM2 at a spin-up delay in hours. Throws `usage` on bad rates and delays. */
export function margin(parameters: ModelParameters, variant: ModelVariant, spinUpDelay: number): Margin {
  checkHours("the spin-up delay", spinUpDelay, { zeroAllowed: true });
  const critical = hopf(parameters, variant)?.criticalDelay ?? Number.POSITIVE_INFINITY;
  return {
    delayRatio: critical / spinUpDelay,
    delayHours: critical - spinUpDelay,
    criticalGain: criticalGain(parameters, variant, spinUpDelay),
  };
}

/**
 * The smallest gain σ_QI (per hour) at which the critical delay has come down to the spin-up delay. The critical delay is
 * not monotone in the gain, so the search walks up from gains that are certainly safe in steps of 12 %.
 */
export function criticalGain(
  parameters: ModelParameters,
  variant: ModelVariant,
  spinUpDelay: number,
): number | undefined {
  checkHours("the spin-up delay", spinUpDelay, { zeroAllowed: true });
  const safe = (provisioningRate: number): boolean =>
    (hopf({ ...parameters, provisioningRate }, variant)?.criticalDelay ?? Number.POSITIVE_INFINITY) >
    spinUpDelay;
  const steps = 256;
  const smallest = 1e-9;
  let last = smallest;
  for (let i = 0; i <= steps; i++) {
    const gain = Math.min(LARGEST_GAIN, smallest * (LARGEST_GAIN / smallest) ** (i / steps));
    if (!safe(gain)) return halve(safe, last, gain);
    last = gain;
  }
  return undefined;
}

function halve(safe: (gain: number) => boolean, low: number, high: number): number {
  let [below, above] = [low, high];
  while (above - below > 1e-12 * above) {
    const middle = (below + above) / 2;
    if (safe(middle)) below = middle;
    else above = middle;
  }
  return above;
}
