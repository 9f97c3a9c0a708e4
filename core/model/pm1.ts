import type { Complex } from "./complex.ts";
import { stableCubicRoots } from "./cubic.ts";
import {
  characteristicPolynomial,
  hurwitzDeterminant,
  linearise,
  type Linearisation,
} from "./linearisation.ts";
import type { ModelParameters, ModelVariant } from "./parameters.ts";

/** Eigenvalues of PM1 at its physical equilibrium in 1/h, rightmost first. Throws `usage` on rates that are not positive. */
export function pm1Eigenvalues(parameters: ModelParameters, variant: ModelVariant): Complex[] {
  return eigenvaluesOf(linearise(parameters, variant));
}

/** All real parts are negative: PM1 is stable for every positive parameter set, so only a delay can make it oscillate. */
export function eigenvaluesOf(l: Linearisation): Complex[] {
  const [, A2, A1, A0] = characteristicPolynomial(l);
  return stableCubicRoots(A2, A1, A0, hurwitzDeterminant(l));
}
