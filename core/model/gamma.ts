import { crossing } from "./solve.ts";

/** Quantile of the gamma distribution of this shape and scale 1; shape above 0, 0 < probability < 1. */
export function gammaQuantile(shape: number, probability: number): number {
  // Wilson and Hilferty (1931); from here on it is right to seven digits.
  if (shape > 1e4) {
    const third = 1 / (9 * shape);
    return shape * (1 - third + normalQuantile(probability) * Math.sqrt(third)) ** 3;
  }
  const high = shape + 12 * Math.sqrt(shape) + 60;
  return crossing((x) => lowerGamma(shape, x) - probability, 1e-300, high);
}

/** Regularised lower incomplete gamma function P(a, x), 0 at 0 and 1 at infinity. */
export function lowerGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= a + 1) return 1 - upperGamma(a, x);
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < 100_000 && term > sum * 1e-17; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a));
}

/** Q(a, x) = 1 − P(a, x), right to its last digits however small; x ≥ a + 1 (continued fraction, after Lentz). */
function upperGamma(a: number, x: number): number {
  return Math.exp(a * Math.log(x) - x - logGamma(a)) / tailFraction(a, x);
}

function tailFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = Number.MAX_VALUE;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 100_000; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= d * c;
    // Written so that it ends on what is no number, too.
    if (!(Math.abs(d * c - 1) >= 1e-15)) break;
  }
  return 1 / h;
}

/** Logarithm of Γ(x) for x > 0: Stirling's series, after the recurrence has made x large. */
export function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  for (; y < 10; y++) shift += Math.log(y);
  const inverse = 1 / y;
  const square = inverse * inverse;
  const series =
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (y - 0.5) * Math.log(y) - y + Math.log(2 * Math.PI) / 2 + series - shift;
}

/** Logarithm of the chance that a standard normal number is above z, in both tails to the last digits. */
export function logNormalTail(z: number): number {
  const x = (z * z) / 2;
  const root = Math.sqrt(x / Math.PI);
  // Q(1/2, z²/2)/2 above 0; P(1/2, x) comes from its series where that is short.
  if (x < 1.5) {
    let term = 2 * root * Math.exp(-x);
    let inner = term;
    for (let n = 1; n < 60 && term > 1e-17; n++) {
      term *= x / (n + 0.5);
      inner += term;
    }
    return Math.log((z < 0 ? 1 + inner : 1 - inner) / 2);
  }
  const tail = Math.log(root / tailFraction(0.5, x) / 2) - x;
  return z < 0 ? Math.log1p(-Math.exp(tail)) : tail;
}

/** Quantile of the standard normal distribution. */
export function normalQuantile(probability: number): number {
  if (probability < 0.5) return -normalQuantile(1 - probability);
  if (probability === 0.5) return 0;
  return crossing((z) => 1 - Math.exp(logNormalTail(z)) - probability, 1e-12, 40);
}

const T_95 = [6.313752, 2.919986, 2.353363, 2.131847];

/** 95 % quantile of Student's t with this many degrees of freedom (fractions are dropped), to three digits. */
export function studentQuantile95(degrees: number): number {
  const whole = Math.max(1, Math.floor(degrees));
  const z = 1.6448536269514722;
  // Cornish and Fisher's expansion from five degrees on.
  const expanded =
    z +
    (z ** 3 + z) / (4 * whole) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * whole ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * whole ** 3);
  return T_95[whole - 1] ?? expanded;
}
