import type { Complex } from "./complex.ts";
import type { DelaySystem } from "./delay-system.ts";
import { hopfOf } from "./hopf.ts";
import { jacobian, linearise, type Linearisation } from "./linearisation.ts";
import { checkHours, type ModelParameters, type ModelVariant } from "./parameters.ts";
import { eigenvaluesOf } from "./pm1.ts";
import { rightmostRoots } from "./rightmost-roots.ts";

/** PM2 near its equilibrium: what was ordered by the queue joins the idle machines one spin-up delay (hours) later. */
export function pm2System(l: Linearisation, spinUpDelay: number): DelaySystem {
  const matrix = jacobian({ ...l, p: 0 });
  return {
    matrix,
    feedbacks: [{ output: [1, 0, 0], inputs: [{ delay: spinUpDelay, gain: [0, l.p, 0] }] }],
    structuralRoots: [],
  };
}

/**
 * The rightmost characteristic roots of PM2 in the upper half plane, rightmost first, in 1/h. Throws `usage` on bad rates
 * and delays, `failed` when they could not be confirmed.
 */
export function pm2Roots(
  parameters: ModelParameters,
  variant: ModelVariant,
  spinUpDelay: number,
  count = 1,
): Complex[] {
  checkHours("the spin-up delay", spinUpDelay, { zeroAllowed: true });
  const l = linearise(parameters, variant);
  // Where idle machines abound, orders change nothing that orders look at: the delay does not matter.
  if (spinUpDelay === 0 || l.b === 0)
    return eigenvaluesOf(l)
      .filter(({ im }) => im >= 0)
      .slice(0, count);
  return rightmostRoots(pm2System(l, spinUpDelay), count);
}

/** Whether the equilibrium of PM2 attracts at this spin-up delay in hours: by the closed form where it decides. */
export function pm2Stable(parameters: ModelParameters, variant: ModelVariant, spinUpDelay: number): boolean {
  checkHours("the spin-up delay", spinUpDelay, { zeroAllowed: true });
  const l = linearise(parameters, variant);
  const critical = hopfOf(l)?.criticalDelay ?? Number.POSITIVE_INFINITY;
  if (spinUpDelay < critical) return true;
  // Only an idle timer can give the stability back at a longer delay.
  if (l.excess > l.b * l.spared) return false;
  return rightmostRoots(pm2System(l, spinUpDelay), 1).every(({ re }) => re < 0);
}
