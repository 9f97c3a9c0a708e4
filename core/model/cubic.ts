import type { Complex } from "./complex.ts";
import { crossing } from "./solve.ts";

/**
 * The three roots of λ³ + A2 λ² + A1 λ + A0 with positive coefficients and positive `hurwitz` = A2 A1 − A0, rightmost first.
 * All real parts come out negative, as Routh and Hurwitz have it, however far the roots are apart.
 */
export function stableCubicRoots(A2: number, A1: number, A0: number, hurwitz: number): Complex[] {
  // A real root −x lies between the smallest and the largest ratio of neighbouring coefficients (Eneström and Kakeya).
  const ratios = [A0 / A1, A1 / A2, A2];
  const x = crossing(
    (y) => y * (y * (y - A2) + A1) - A0,
    Math.min(...ratios) * 0.999,
    Math.max(...ratios) * 1.001,
  );
  // What remains is λ² + B λ + C; written so, B does not cancel: A2 A1 − A0 = B (A1 + x²).
  const half = hurwitz / (A1 + x * x) / 2;
  const C = A0 / x;
  const discriminant = half * half - C;
  const real = { re: -x, im: 0 };
  if (discriminant < 0) {
    const im = Math.sqrt(-discriminant);
    return sorted([real, { re: -half, im }, { re: -half, im: -im }]);
  }
  const fast = half + Math.sqrt(discriminant);
  return sorted([real, { re: -fast, im: 0 }, { re: -C / fast, im: 0 }]);
}

const sorted = (roots: Complex[]): Complex[] => roots.sort((a, b) => b.re - a.re || b.im - a.im);

/**
 * Positive roots, smallest first, of z³ + q2 z² + q1 z + q0 with q2 > 0: one when q0 < 0 (Descartes), else none or two.
 */
export function positiveCubicRoots(q2: number, q1: number, q0: number): number[] {
  const value = (z: number): number => z * (z * (z + q2) + q1) + q0;
  if (q1 >= 0 && q0 >= 0) return [];
  const high = 2 * Math.max(Math.sqrt(2 * Math.abs(q1)), Math.cbrt(2 * Math.abs(q0)));
  if (q0 < 0) {
    const low = Math.min(
      Math.cbrt(-q0 / 6),
      Math.sqrt(-q0 / 6 / q2),
      q1 === 0 ? Number.POSITIVE_INFINITY : -q0 / 6 / Math.abs(q1),
    );
    return [crossing(value, low, high)];
  }
  // Its minimum: the positive zero of 3 z² + 2 q2 z + q1, free of cancellation.
  const lowest = -q1 / (q2 + Math.sqrt(q2 * q2 - 3 * q1));
  if (value(lowest) >= 0) return [];
  const low = q0 === 0 ? undefined : crossing((z) => -value(z), Math.min(lowest, -q0 / q1) / 2, lowest);
  return [...(low === undefined ? [] : [low]), crossing(value, lowest, high)];
}
