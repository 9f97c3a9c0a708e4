import { at } from "./entries.ts";
import type { Complex } from "./complex.ts";
import type { DelaySystem } from "./delay-system.ts";
import { positiveRoot, steadyService } from "./equilibrium.ts";
import { idleEnds } from "./flows.ts";
import { integrate, type Tolerance } from "./integrate.ts";
import { coefficientsAt, jacobian } from "./linearisation.ts";
import {
  checkHours,
  checkParameters,
  type ModelParameters,
  type ModelVariant,
  type PoolState,
} from "./parameters.ts";
import { rightmostRoots } from "./rightmost-roots.ts";
import { crossing } from "./solve.ts";
import { asState, checkState, flowBalance } from "./trajectory.ts";

/**
 * PM2 when orders count what is idle and what is on its way: σ_QI (X_Q − X_I − F) per hour, and never less than nothing,
 * where F machines are ordered and have not joined.
 */
export type InFlightModel = {
  readonly parameters: ModelParameters;
  readonly variant: ModelVariant;
  /** Hours. */
  readonly spinUpDelay: number;
};

export type InFlightState = PoolState & { readonly inFlight: number };

function checkModel({ parameters, spinUpDelay }: InFlightModel): void {
  checkParameters(parameters);
  checkHours("the spin-up delay", spinUpDelay, { zeroAllowed: true });
}

/** The equilibrium; the queue exceeds the idle machines by what is in flight and by what asks for it. Throws `usage`. */
export function inFlightEquilibrium(model: InFlightModel): InFlightState {
  checkModel(model);
  const { parameters: p, variant, spinUpDelay } = model;
  const { busy, started } = steadyService(p, variant);
  const lost = p.runningTerminationRate * busy;
  // Ordered per hour is what ends, u; so F = u τ and Q − I = u (τ + 1/σ_QI).
  const wait = spinUpDelay + 1 / p.provisioningRate;
  const ends = (queued: number, idle: number): number => idleEnds(p, variant, queued, idle).rate;
  const state = (queued: number, idle: number): InFlightState => ({
    queued,
    idle,
    busy,
    inFlight: spinUpDelay * (lost + ends(queued, idle)),
  });
  const product = started / p.matchRate;
  if (variant.matching === "min")
    return state(product + wait * (lost + ends(Number.POSITIVE_INFINITY, product)), product);
  const most = positiveRoot(1, wait * lost, (1 + wait * p.idleTerminationRate) * product);
  if (variant.idleEnd === "rate") return state(most, product / most);
  const queued = crossing(
    (q) => q - product / q - wait * (lost + ends(q, product / q)),
    positiveRoot(1, wait * lost, product) * (1 - 1e-9),
    most * (1 + 1e-9),
  );
  return state(queued, product / queued);
}

/** The linearisation with states X_Q, X_I, X_R, F; one root at zero is structural, F being an integral of orders. */
export function inFlightSystem(model: InFlightModel): DelaySystem {
  const { parameters, variant, spinUpDelay } = model;
  const l = coefficientsAt(parameters, variant, inFlightEquilibrium(model));
  const orders = [l.p, -l.p, 0, -l.p];
  return {
    matrix: [...jacobian({ ...l, p: 0 }).map((row) => [...row, 0]), orders],
    feedbacks: [{ output: orders, inputs: [{ delay: spinUpDelay, gain: [0, 1, 0, -1] }] }],
    structuralRoots: [0],
  };
}

/** The rightmost characteristic roots, upper half plane, rightmost first, in 1/h. Throws `usage` and `failed`. */
export function inFlightRoots(model: InFlightModel, count = 1): Complex[] {
  return rightmostRoots(inFlightSystem(model), count);
}

/**
 * The spin-up delay in hours at which this ordering first loses its stability, to 1e-9 of itself, searched from `from` hours,
 * or a thousandth of a mean job length, to a hundred of them; undefined when it stays stable throughout, and the search's
 * beginning when it is unstable there. Throws `usage` and `failed`.
 */
export function inFlightCriticalDelay(
  model: Omit<InFlightModel, "spinUpDelay">,
  from?: number,
): number | undefined {
  const job = 1 / model.parameters.completionRate;
  const growth = (spinUpDelay: number): number =>
    Math.max(...inFlightRoots({ ...model, spinUpDelay }).map(({ re }) => re));
  let stable: { readonly delay: number; readonly growth: number } | undefined;
  for (let delay = from ?? 1e-3 * job; delay < 100 * job; delay *= 1.25) {
    const here = { delay, growth: growth(delay) };
    if (!(here.growth < 0)) return stable === undefined ? delay : standstill(growth, stable, here);
    stable = here;
  }
  return undefined;
}

/** The delay between a stable and an unstable one at which nothing grows or fades: false position, as in the Illinois method. */
function standstill(
  growth: (delay: number) => number,
  stable: { readonly delay: number; readonly growth: number },
  unstable: { readonly delay: number; readonly growth: number },
): number {
  let [low, high] = [stable, unstable];
  let moved: "low" | "high" | undefined;
  for (let i = 0; i < 60 && high.delay - low.delay > 1e-9 * high.delay; i++) {
    const delay = (low.delay * high.growth - high.delay * low.growth) / (high.growth - low.growth);
    const here = { delay, growth: growth(delay) };
    // An end that stays twice counts half: else it would stay for ever.
    if (here.growth < 0) {
      if (moved === "low") high = { ...high, growth: high.growth / 2 };
      [low, moved] = [here, "low"];
    } else {
      if (moved === "high") low = { ...low, growth: low.growth / 2 };
      [high, moved] = [here, "high"];
    }
  }
  return (low.delay + high.delay) / 2;
}

/** Trajectory at the given times in hours; nothing was ordered before time 0. Throws as `trajectory` does. */
export function inFlightTrajectory(
  model: InFlightModel,
  initial: PoolState,
  times: readonly number[],
  tolerance?: Tolerance,
): InFlightState[] {
  checkModel(model);
  checkState(initial);
  const { parameters: p, variant, spinUpDelay } = model;
  const orders = (queued: number, idle: number, inFlight: number): number =>
    Math.max(0, p.provisioningRate * (queued - idle - inFlight));
  const rows = integrate(
    {
      initial: [initial.queued, initial.idle, initial.busy, 0],
      before: () => 0,
      delays: spinUpDelay > 0 ? [spinUpDelay] : [],
      derivative(time, state, past, out) {
        const { queued, idle, busy } = asState(state);
        const then = time - spinUpDelay;
        const ordered = orders(queued, idle, at(state, 3));
        const joined = spinUpDelay > 0 ? orders(past(0, then), past(1, then), past(3, then)) : ordered;
        const change = flowBalance(p, variant, { queued, idle, busy }, joined);
        [out[0], out[1], out[2], out[3]] = [change.queued, change.idle, change.busy, ordered - joined];
      },
    },
    times,
    tolerance,
  );
  return rows.map((row) => ({ ...asState(row), inFlight: at(row, 3) }));
}
