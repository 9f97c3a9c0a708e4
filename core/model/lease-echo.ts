import type { Complex } from "./complex.ts";
import { at } from "./entries.ts";
import type { DelaySystem } from "./delay-system.ts";
import { balance } from "./equilibrium.ts";
import { idleEnds, matches, timerRate } from "./flows.ts";
import { integrate, type Tolerance } from "./integrate.ts";
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
 * PM2 with a fixed lifetime in place of the rate σ_RT: machines live `lease` hours from joining, whether idle or busy.
 * Cohorts that were ordered together die together, which the rate hides.
 */
export type LeaseModel = {
  /** σ_RT is not used. */
  readonly parameters: Omit<ModelParameters, "runningTerminationRate">;
  readonly variant: ModelVariant;
  /** Hours, positive. */
  readonly lease: number;
  /** Hours. */
  readonly spinUpDelay: number;
};

export type LeaseEquilibrium = PoolState & {
  /** Machines whose lease ends, per hour and machine. */
  readonly leaseEndRate: number;
};

/** Every machine has the same chance to be idle, so all of one age survive the idle timeout alike: a mean field. */
const rates = ({ parameters }: LeaseModel, runningTerminationRate: number): ModelParameters => ({
  ...parameters,
  runningTerminationRate,
});

function checkModel(model: LeaseModel): void {
  // Any legal rate will do in the place of the one that is not used.
  checkParameters(rates(model, 1));
  checkHours("the lease", model.lease);
  checkHours("the spin-up delay", model.spinUpDelay, { zeroAllowed: true });
}

/**
 * The equilibrium: idle ends per machine η and lease ends per machine η/(e^(ηL) − 1) agree with each other. Throws
 * `usage` on bad rates, lease or delay.
 */
export function leaseEquilibrium(model: LeaseModel): LeaseEquilibrium {
  checkModel(model);
  const { parameters, lease } = model;
  const surplus = (eta: number): number =>
    eta - idleShare(model, leasePool(model, timerRate(eta, lease).rate));
  // A machine ends idle at a rate below σ_IT; with a timer that never runs out, at none.
  const most = parameters.idleTerminationRate;
  const least = most * 1e-18;
  const hazard = surplus(least) >= 0 ? 0 : crossing(surplus, least, most);
  const leaseEndRate = timerRate(hazard, lease).rate;
  return { ...leasePool(model, leaseEndRate), leaseEndRate };
}

/** The pool when every machine ends at this rate, idle ones also by the idle timeout. */
function leasePool(model: LeaseModel, ending: number): PoolState {
  const { parameters: p, variant } = model;
  const busy =
    variant.evicted === "lost"
      ? p.submissionRate / (p.completionRate + ending)
      : p.submissionRate / p.completionRate;
  const started = busy * (p.completionRate + ending);
  const { queued, idle } = balance(rates(model, ending), variant, started, ending * busy, ending);
  return { queued, idle, busy };
}

/** Idle ends per machine. */
function idleShare(model: LeaseModel, { queued, idle, busy }: PoolState): number {
  return idleEnds(rates(model, 0), model.variant, queued, idle).rate / (idle + busy);
}

/**
 * The linearisation with states X_Q, X_I, X_R and H, the idle hazard summed over time. Two roots are structural: 0,
 * because only differences of H matter, and −η, with which a number of machines that is not the sum of the living cohorts
 * would decay; the equations keep it that sum.
 */
export function leaseSystem(model: LeaseModel): DelaySystem {
  const { parameters: p, variant, lease, spinUpDelay } = model;
  const at = leaseEquilibrium(model);
  const machines = at.idle + at.busy;
  const started = matches(rates(model, 0), variant, at.queued, at.idle);
  const ends = idleEnds(rates(model, 0), variant, at.queued, at.idle);
  const hazard = ends.rate / machines;
  const survival = Math.exp(-hazard * lease);
  const ended = at.leaseEndRate * machines;
  const [idleShare, busyShare] = [at.idle / machines, at.busy / machines];
  const back = variant.evicted === "requeued" ? 1 : 0;
  // Lease ends D fall on idle and busy machines by their shares D I/N and D R/N; so they change with I, with R and with D.
  const byIdle = at.leaseEndRate * busyShare;
  const byBusy = at.leaseEndRate * idleShare;
  const share = [back * busyShare, -idleShare, -busyShare, 0];
  const { completionRate: c } = p;
  const matrix = [
    [-started.byQueued, -started.byIdle - back * byIdle, back * byBusy, -ended * back * busyShare],
    [
      -started.byQueued - ends.byQueued,
      -started.byIdle - ends.byIdle - byIdle,
      c + byBusy,
      ended * idleShare,
    ],
    [started.byQueued, started.byIdle + byIdle, -c - byBusy, ended * busyShare],
    [ends.byQueued / machines, (ends.byIdle - hazard) / machines, -hazard / machines, 0],
  ];
  return {
    matrix,
    feedbacks: [
      {
        output: [1, 0, 0, 0],
        inputs: [
          { delay: spinUpDelay, gain: [0, p.provisioningRate, 0, 0] },
          {
            delay: spinUpDelay + lease,
            gain: share.map((part) => part * p.provisioningRate * survival),
          },
        ],
      },
      { output: [0, 0, 0, 1], inputs: [{ delay: lease, gain: share.map((part) => part * ended) }] },
    ],
    structuralRoots: [0, -hazard],
  };
}

/**
 * The rightmost characteristic roots with a fixed lifetime, structural ones left out, upper half plane, rightmost first,
 * in 1/h: a positive real part is the growth of the echo. Throws `usage` on bad input, `failed` when not confirmed.
 */
export function leaseRoots(model: LeaseModel, count = 1): Complex[] {
  return rightmostRoots(leaseSystem(model), count);
}

/**
 * Trajectory at the given times in hours from a pool without machines, with `queued` jobs waiting and the first orders at
 * time 0. Throws as `trajectory` does.
 */
export function leaseTrajectory(
  model: LeaseModel,
  queued: number,
  times: readonly number[],
  tolerance?: Tolerance,
): PoolState[] {
  checkModel(model);
  checkState({ queued, idle: 0, busy: 0 });
  const { lease, spinUpDelay } = model;
  const rows = integrate(
    {
      initial: [queued, 0, 0, 0],
      before: () => 0,
      delays: [...(spinUpDelay > 0 ? [spinUpDelay] : []), spinUpDelay + lease, lease],
      derivative(time, state, past, out) {
        const joining = spinUpDelay > 0 ? past(0, time - spinUpDelay) : at(state, 0);
        out.set(leaseFlow(model, state, joining, past(0, time - spinUpDelay - lease), past(3, time - lease)));
      },
    },
    times,
    tolerance,
  );
  return rows.map(asState);
}

/**
 * Right-hand side: X_Q', X_I', X_R', H' per hour from these four and from the past: the queue by which was ordered what joins
 * now and what ends now, and H one lease ago.
 */
export function leaseFlow(
  model: LeaseModel,
  state: ArrayLike<number>,
  joining: number,
  ending: number,
  hazardThen: number,
): [number, number, number, number] {
  const { parameters, variant } = model;
  const pool = asState(state);
  const machines = pool.idle + pool.busy;
  const gain = parameters.provisioningRate;
  const ended = gain * ending * Math.exp(hazardThen - at(state, 3));
  // The first machine to join is idle.
  const [some, of] = machines > 0 ? [pool.idle, machines] : [1, 1];
  const evicted = ended * (1 - some / of);
  const withoutEnds = rates(model, 0);
  const change = flowBalance(withoutEnds, variant, pool, gain * joining);
  return [
    change.queued + (variant.evicted === "requeued" ? evicted : 0),
    change.idle - (ended * some) / of,
    change.busy - evicted,
    idleEnds(withoutEnds, variant, pool.queued, some).rate / of,
  ];
}
