import { at } from "./entries.ts";
import { idleEnds, matches } from "./flows.ts";
import { integrate, type DelayProblem, type Impulse, type Tolerance } from "./integrate.ts";
import {
  checkHours,
  checkParameters,
  type ModelParameters,
  type ModelVariant,
  type PoolState,
} from "./parameters.ts";
import { UpdraftError } from "../errors.ts";

/** How orders follow the queue: all the time at σ_QI X_Q, or at once every `period` hours for as long (σ_QI T X_Q). */
export type Ordering =
  | { readonly kind: "continuous" }
  | { readonly kind: "periodic"; readonly period: number };

/**
 * Right-hand side of PM1: X_Q', X_I', X_R' per hour. The slides print −σ_IT X_R in X_I'; their own equilibria, and the
 * meaning of σ_IT, need −σ_IT X_I. `provisioned` is what joins per hour, σ_QI X_Q in PM1.
 */
export function flowBalance(
  p: ModelParameters,
  variant: ModelVariant,
  { queued, idle, busy }: PoolState,
  provisioned: number = p.provisioningRate * queued,
): PoolState {
  const started = matches(p, variant, queued, idle).rate;
  const ended = idleEnds(p, variant, queued, idle).rate;
  const evicted = p.runningTerminationRate * busy;
  return {
    queued: p.submissionRate - started + (variant.evicted === "requeued" ? evicted : 0),
    idle: provisioned - started + p.completionRate * busy - ended,
    busy: started - p.completionRate * busy - evicted,
  };
}

export type Run = {
  readonly parameters: ModelParameters;
  readonly variant: ModelVariant;
  /** Hours; 0 gives PM1. */
  readonly spinUpDelay: number;
  readonly ordering: Ordering;
  /** State at time 0. With continuous ordering the queue has been so long for ever; periodic orders begin at time 0. */
  readonly initial: PoolState;
};

/**
 * Trajectory of PM1 (no delay) or PM2 at the given times in hours. Throws `usage` on bad rates, delays, states or times,
 * `failed` when the problem is too stiff.
 */
export function trajectory(run: Run, times: readonly number[], tolerance?: Tolerance): PoolState[] {
  const { parameters: p, variant, spinUpDelay, ordering, initial } = run;
  checkParameters(p, { zeroAllowed: true });
  checkHours("the spin-up delay", spinUpDelay, { zeroAllowed: true });
  if (ordering.kind === "periodic") checkHours("the ordering period", ordering.period);
  checkState(initial);
  const continuous = ordering.kind === "continuous";
  const delayed = continuous && spinUpDelay > 0;
  const problem: DelayProblem = {
    initial: [initial.queued, initial.idle, initial.busy],
    delays: delayed ? [spinUpDelay] : [],
    memory: spinUpDelay,
    impulses: continuous ? [] : arrivals(p, ordering.period, spinUpDelay, Math.max(0, ...times)),
    derivative(time, state, past, out) {
      const orderedBy = delayed ? past(0, time - spinUpDelay) : at(state, 0);
      const provisioned = continuous ? p.provisioningRate * orderedBy : 0;
      const change = flowBalance(p, variant, asState(state), provisioned);
      [out[0], out[1], out[2]] = [change.queued, change.idle, change.busy];
    },
  };
  return integrate(problem, times, tolerance).map(asState);
}

export const asState = (state: ArrayLike<number>): PoolState => ({
  queued: at(state, 0),
  idle: at(state, 1),
  busy: at(state, 2),
});

/** Throws `usage` unless all numbers of the pool are finite and not negative. */
export function checkState(state: PoolState): void {
  for (const [name, value] of Object.entries(state)) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new UpdraftError(
      "usage",
      `${name} is ${value} at the start`,
      "Give the numbers of queued jobs, idle and busy machines at the start as numbers that are not negative.",
    );
  }
}

/** More orders than this in a run are a mistake in the period. */
const MOST_ORDERS = 100_000;

/** What is ordered at each whole period joins one spin-up delay later. */
function arrivals(p: ModelParameters, period: number, delay: number, end: number): Impulse[] {
  if (end / period > MOST_ORDERS)
    throw new UpdraftError(
      "usage",
      `an ordering period of ${period} hours gives more than ${MOST_ORDERS} orders in ${end} hours`,
      "Choose a longer period, a shorter run, or continuous ordering.",
    );
  const impulses: Impulse[] = [];
  for (let order = 0; order * period + delay < end; order++) {
    const ordered = order * period;
    impulses.push({
      time: ordered + delay,
      apply(state, past) {
        // Without a delay, an order at 0 is made on the state itself.
        const queued = delay > 0 || order > 0 ? past(0, ordered) : at(state, 0);
        state[1] = at(state, 1) + p.provisioningRate * period * queued;
      },
    });
  }
  return impulses;
}
