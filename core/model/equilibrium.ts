import { idleEnds, timerRate } from "./flows.ts";
import { checkParameters, type ModelParameters, type ModelVariant, type PoolState } from "./parameters.ts";
import { crossing } from "./solve.ts";

/** Busy machines and the jobs that start per hour when nothing changes; both follow from the rates alone. */
export function steadyService(
  p: ModelParameters,
  variant: ModelVariant,
): { readonly busy: number; readonly started: number } {
  const ending = p.completionRate + p.runningTerminationRate;
  if (variant.evicted === "lost") return { busy: p.submissionRate / ending, started: p.submissionRate };
  return {
    busy: p.submissionRate / p.completionRate,
    started: (p.submissionRate * ending) / p.completionRate,
  };
}

/**
 * The physical equilibrium of PM1, and of PM2 whatever its delay: all numbers positive, and only one such.
 * Mass action solves σ_QI Q² − σ_RT R Q − σ_IT f/σ_QIR = 0, f being the jobs started per hour, for its positive root.
 * X_I follows as f/(σ_QIR X_Q): the printed formula for it cancels. Throws `usage` on rates that are not positive.
 */
export function equilibrium(p: ModelParameters, variant: ModelVariant): PoolState {
  checkParameters(p);
  const { busy, started } = steadyService(p, variant);
  const lost = p.runningTerminationRate * busy;
  const { queued, idle } = balance(p, variant, started, lost, 0);
  return { queued, idle, busy };
}

/**
 * Queued jobs and idle machines at which orders replace what ends: σ_QI Q = lost + idle ends + idleLoss · I
 * with `started` jobs started per hour.
 */
export function balance(
  p: ModelParameters,
  variant: ModelVariant,
  started: number,
  lost: number,
  idleLoss: number,
): { readonly queued: number; readonly idle: number } {
  const { provisioningRate: gain, matchRate: k } = p;
  if (variant.matching === "min") {
    const fewest = started / k;
    const ends = idleEnds(p, variant, Number.POSITIVE_INFINITY, fewest).rate + idleLoss * fewest;
    const queued = (lost + ends) / gain;
    if (queued >= fewest) return { queued, idle: fewest };
    return { queued: fewest, idle: abundantIdle(p, variant, started, gain * fewest - lost, idleLoss) };
  }
  if (variant.idleEnd === "rate") {
    const d = p.idleTerminationRate + idleLoss;
    const queued = positiveRoot(gain, lost, (d * started) / k);
    return { queued, idle: started / k / queued };
  }
  // The timer ends at most σ_IT X_I and at least nothing, which bounds the solution on both sides.
  const low = positiveRoot(gain, lost, (idleLoss * started) / k) * (1 - 1e-9);
  const high = positiveRoot(gain, lost, ((p.idleTerminationRate + idleLoss) * started) / k) * (1 + 1e-9);
  const queued = crossing(
    (q) => {
      const idle = started / k / q;
      return gain * q - lost - idleLoss * idle - idleEnds(p, variant, q, idle).rate;
    },
    low,
    high,
  );
  return { queued, idle: started / k / queued };
}

/** Idle machines when they outnumber the queue: as many as end as are ordered beyond what is lost. */
function abundantIdle(
  p: ModelParameters,
  variant: ModelVariant,
  started: number,
  spare: number,
  idleLoss: number,
): number {
  if (variant.idleEnd === "rate") return spare / (p.idleTerminationRate + idleLoss);
  const length = 1 / p.idleTerminationRate;
  // idle · timerRate(started/idle) = started/(e^(started·T/idle) − 1), which inverts in closed form.
  if (idleLoss === 0) return (started * length) / Math.log1p(started / spare);
  return crossing(
    (idle) => idle * (timerRate(started / idle, length).rate + idleLoss) - spare,
    spare / (p.idleTerminationRate + idleLoss),
    spare / idleLoss,
  );
}

/** Positive root of a x² − b x − c with a > 0 and b, c ≥ 0, free of cancellation. */
export function positiveRoot(a: number, b: number, c: number): number {
  return (b + Math.sqrt(b * b + 4 * a * c)) / (2 * a);
}

/**
 * The other root of mass action with ends at a constant rate: negative queue and idle machines, always a saddle.
 * It says nothing about a pool, but the printed formulas have it.
 */
export function nonphysicalEquilibrium(p: ModelParameters, evicted: ModelVariant["evicted"]): PoolState {
  const variant: ModelVariant = { matching: "mass-action", evicted, idleEnd: "rate" };
  const physical = equilibrium(p, variant);
  const { started } = steadyService(p, variant);
  // The product of the two roots is −σ_IT f/(σ_QIR σ_QI).
  const queued = -(p.idleTerminationRate * started) / (p.matchRate * p.provisioningRate * physical.queued);
  return { queued, idle: started / p.matchRate / queued, busy: physical.busy };
}

/**
 * The mass-action rate that matches as many jobs per hour at the equilibrium as the min law with `matchRate`:
 * a bilinear rate depends on the pool's size, k/max(X_Q, X_I), where k is what negotiation cycles give.
 */
export function bilinearMatchRate(p: ModelParameters, variant: Omit<ModelVariant, "matching">): number {
  const { queued, idle } = equilibrium(p, { ...variant, matching: "min" });
  return p.matchRate / Math.max(queued, idle);
}
