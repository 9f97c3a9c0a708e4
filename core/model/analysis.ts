import type { Complex } from "./complex.ts";
import { hopfOf, margin, type Hopf, type Margin } from "./hopf.ts";
import { leaseEquilibrium, leaseRoots, type LeaseEquilibrium } from "./lease-echo.ts";
import { linearise } from "./linearisation.ts";
import type { ModelParameters, ModelVariant, PoolState } from "./parameters.ts";
import { eigenvaluesOf } from "./pm1.ts";
import { pm2Roots } from "./pm2.ts";

export type Analysis = {
  readonly equilibrium: PoolState;
  /** Of PM1, in 1/h, rightmost first. */
  readonly eigenvalues: readonly Complex[];
  /** Of PM2, undefined when no delay is critical. */
  readonly hopf: Hopf | undefined;
  readonly margin: Margin;
  readonly stable: boolean;
  /** Rightmost roots of PM2 in the upper half plane, in 1/h. */
  readonly roots: readonly Complex[];
  readonly lease?: { readonly equilibrium: LeaseEquilibrium; readonly roots: readonly Complex[] };
};

/**
 * Everything that the models say about one parameter set: rates per hour, spin-up delay and lease in hours. Throws `usage`
 * on bad input, `failed` when roots could not be confirmed.
 */
export function analyse(
  parameters: ModelParameters,
  variant: ModelVariant,
  spinUpDelay: number,
  { lease, roots = 1 }: { readonly lease?: number; readonly roots?: number } = {},
): Analysis {
  const l = linearise(parameters, variant);
  const found = pm2Roots(parameters, variant, spinUpDelay, roots);
  const model = lease === undefined ? undefined : { parameters, variant, spinUpDelay, lease };
  return {
    equilibrium: l.at,
    eigenvalues: eigenvaluesOf(l),
    hopf: hopfOf(l),
    margin: margin(parameters, variant, spinUpDelay),
    stable: found.every(({ re }) => re < 0),
    roots: found,
    ...(model && {
      lease: { equilibrium: leaseEquilibrium(model), roots: leaseRoots(model, roots) },
    }),
  };
}
