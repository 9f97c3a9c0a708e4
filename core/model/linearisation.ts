import { equilibrium, steadyService } from "./equilibrium.ts";
import { idleEnds, matches } from "./flows.ts";
import type { ModelParameters, ModelVariant, PoolState } from "./parameters.ts";

/** PM1 and PM2 near the equilibrium, in the letters of docs/models.md; everything per hour and not negative. */
export type Coefficients = {
  readonly at: PoolState;
  /** Matches gained per idle machine more: ∂f/∂X_I. */
  readonly b: number;
  /** Matches gained per queued job more: ∂f/∂X_Q. */
  readonly a: number;
  /** σ_RI. */
  readonly c: number;
  /** Idle ends gained per idle machine more. */
  readonly d: number;
  /** Idle ends spared per queued job more: only a timer has them. */
  readonly spared: number;
  /** σ_RI + σ_RT. */
  readonly e: number;
  /** The same without what comes back to the queue: e when evicted jobs are lost, else c. */
  readonly g: number;
  /** σ_QI. */
  readonly p: number;
};

export type Linearisation = Coefficients & {
  /** b p − a d at the equilibrium, without the cancellation of that difference. */
  readonly excess: number;
};

/** The linearisation at the physical equilibrium of PM1 and PM2. Throws `usage` on rates that are not positive. */
export function linearise(parameters: ModelParameters, variant: ModelVariant): Linearisation {
  const at = equilibrium(parameters, variant);
  const near = coefficientsAt(parameters, variant, at);
  const lost = parameters.runningTerminationRate * steadyService(parameters, variant).busy;
  // Mass action: p Q = lost + d I at the equilibrium, and a : b = I : Q.
  const excess =
    variant.matching === "mass-action" ? parameters.matchRate * lost : near.b * near.p - near.a * near.d;
  return { ...near, excess };
}

/** The derivatives at any state. */
export function coefficientsAt(
  parameters: ModelParameters,
  variant: ModelVariant,
  at: PoolState,
): Coefficients {
  const { completionRate: c, runningTerminationRate: r, provisioningRate: p } = parameters;
  const flow = matches(parameters, variant, at.queued, at.idle);
  const ends = idleEnds(parameters, variant, at.queued, at.idle);
  return {
    at,
    a: flow.byQueued,
    b: flow.byIdle,
    c,
    d: ends.byIdle,
    spared: -ends.byQueued,
    e: c + r,
    g: variant.evicted === "lost" ? c + r : c,
    p,
  };
}

/** Jacobian of PM1, 3 × 3 in the order X_Q, X_I, X_R; the delayed term p stands in row 2, column 1. */
export function jacobian(l: Coefficients): number[][] {
  return [
    [-l.a, -l.b, l.e - l.g],
    [l.p + l.spared - l.a, -l.b - l.d, l.c],
    [l.a, l.b, -l.e],
  ];
}

/** Coefficients [1, A2, A1, A0] of the characteristic polynomial of PM1; sums of positive terms, so precise to the last bits. */
export function characteristicPolynomial(l: Coefficients): [number, number, number, number] {
  const { a, b, d, e, g, p } = l;
  const r = e - l.c;
  const pull = p + l.spared;
  return [1, a + b + d + e, a * d + a * g + b * r + d * e + b * pull, g * (a * d + b * pull)];
}

/** A2 A1 − A0 without its cancellation: positive, hence PM1 is stable (Routh and Hurwitz) for every positive rate. */
export function hurwitzDeterminant(l: Coefficients): number {
  const { a, b, d, e, g } = l;
  const r = e - l.c;
  const pull = l.p + l.spared;
  const [, , A1] = characteristicPolynomial(l);
  return (a + b + d) * A1 + e * (a * g + b * r + d * e) + (e - g) * (a * d + b * pull);
}
