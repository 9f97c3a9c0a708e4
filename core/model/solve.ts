import { UpdraftError } from "../errors.ts";

/**
 * Where an increasing function crosses zero, to the last bits, by halving in the logarithm between two positive bounds.
 * The function must be negative at `low` and positive at `high`.
 */
export function crossing(increasing: (x: number) => number, low: number, high: number): number {
  if (!(increasing(low) <= 0 && increasing(high) >= 0))
    throw new UpdraftError(
      "failed",
      "the equations of the model have no solution within the range of double precision",
      "Check the rates: their ratios are too large.",
    );
  let [below, above] = [low, high];
  for (let i = 0; i < 200; i++) {
    const middle = above > 4 * below ? Math.sqrt(below) * Math.sqrt(above) : (below + above) / 2;
    if (!(middle > below && middle < above)) break;
    if (increasing(middle) < 0) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}
