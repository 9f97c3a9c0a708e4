import { add, entry, zeros } from "./entries.ts";
import { UpdraftError } from "../errors.ts";
import type { Complex } from "./complex.ts";
import { eigenvalues } from "./eigenvalues.ts";
import { type Coefficients, jacobian, linearise } from "./linearisation.ts";
import { matrixExponential } from "./matrix-exponential.ts";
import { checkHours, type ModelParameters, type ModelVariant } from "./parameters.ts";

/** More orders on their way at once than this are a mistake in the period. */
const MOST_IN_FLIGHT = 200;

/**
 * Multipliers per period, largest first, of PM2 with the orders of each period placed at once (σ_QI T X_Q, joining one
 * spin-up delay later): the equilibrium attracts when all are below 1 in size. Exact while the min law does not change
 * sides; mass action follows a cycle, not the equilibrium, so it is refused. Period and delay in hours; throws `usage`.
 */
export function sampledMultipliers(
  parameters: ModelParameters,
  variant: ModelVariant,
  period: number,
  spinUpDelay: number,
): Complex[] {
  checkHours("the ordering period", period);
  checkHours("the spin-up delay", spinUpDelay, { zeroAllowed: true });
  if (variant.matching !== "min")
    throw new UpdraftError(
      "usage",
      "periodic ordering has multipliers only when matching follows the min law",
      'Choose the matching "min", or look at a trajectory with periodic ordering.',
    );
  if (spinUpDelay / period > MOST_IN_FLIGHT)
    throw new UpdraftError(
      "usage",
      `a spin-up delay of ${spinUpDelay} hours has more than ${MOST_IN_FLIGHT} orders of ${period} hours on their way`,
      "Choose a longer period, or continuous ordering.",
    );
  return multipliersOf(linearise(parameters, variant), period, spinUpDelay);
}

/** The multipliers with these derivatives between the orders; period and delay in hours. */
export function multipliersOf(l: Coefficients, period: number, spinUpDelay: number): Complex[] {
  const whole = Math.floor(spinUpDelay / period);
  const between = jacobian({ ...l, p: 0 });
  const through = matrixExponential(between, period);
  const after = matrixExponential(between, period - (spinUpDelay - whole * period));
  // State: X_Q, X_I, X_R, then the queue at the last `whole` orders.
  const size = 3 + whole;
  const map = zeros(size);
  const ordered = whole === 0 ? 0 : 2 + whole;
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) add(map, i, j, entry(through, i, j));
    add(map, i, ordered, entry(after, i, 1) * l.p * period);
  }
  for (let order = 0; order < whole; order++) add(map, 3 + order, order === 0 ? 0 : 2 + order, 1);
  return eigenvalues(map).sort((a, b) => Math.hypot(b.re, b.im) - Math.hypot(a.re, a.im) || b.im - a.im);
}
