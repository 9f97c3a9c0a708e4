import type { ModelParameters, ModelVariant } from "./parameters.ts";

/** A flow in jobs or machines per hour, and its derivatives by queued jobs and by idle machines. */
export type Flow = { readonly rate: number; readonly byQueued: number; readonly byIdle: number };

/** Jobs that start per hour: σ_QIR X_Q X_I, or σ_QIR min(X_Q, X_I) as negotiation cycles have it. */
export function matches(p: ModelParameters, variant: ModelVariant, queued: number, idle: number): Flow {
  const k = p.matchRate;
  if (variant.matching === "mass-action")
    return { rate: k * queued * idle, byQueued: k * idle, byIdle: k * queued };
  return idle <= queued
    ? { rate: k * idle, byQueued: 0, byIdle: k }
    : { rate: k * queued, byQueued: k, byIdle: 0 };
}

/** Idle machines that end per hour: σ_IT X_I, or at the rate at which a timer of 1/σ_IT runs out between matches. */
export function idleEnds(p: ModelParameters, variant: ModelVariant, queued: number, idle: number): Flow {
  if (variant.idleEnd === "rate") {
    const d = p.idleTerminationRate;
    return { rate: d * idle, byQueued: 0, byIdle: d };
  }
  if (p.idleTerminationRate === 0) return { rate: 0, byQueued: 0, byIdle: 0 };
  const length = 1 / p.idleTerminationRate;
  const k = p.matchRate;
  if (variant.matching === "mass-action") {
    const { rate, slope } = timerRate(k * queued, length);
    return { rate: rate * idle, byQueued: idle * slope * k, byIdle: rate };
  }
  if (idle <= queued) {
    const { rate } = timerRate(k, length);
    return { rate: rate * idle, byQueued: 0, byIdle: rate };
  }
  const hazard = (k * queued) / idle;
  const { rate, slope } = timerRate(hazard, length);
  return { rate: rate * idle, byQueued: k * slope, byIdle: rate - hazard * slope };
}

/**
 * Rate (per hour) at which spells end by a timer of `length` hours when something else ends them at rate `hazard`:
 * h e^(−hT)/(1 − e^(−hT)), 1/T without a hazard; and its slope by the hazard, from 0 down to −1/2.
 * A fixed lifetime is such a timer as well.
 */
export function timerRate(hazard: number, length: number): { readonly rate: number; readonly slope: number } {
  const x = hazard * length;
  const grown = Math.expm1(x);
  if (!Number.isFinite(grown)) return { rate: 0, slope: 0 };
  const rate = grown === 0 ? 1 / length : hazard / grown;
  // Near zero the slope's closed form cancels; what the series leaves out is below 1e-13.
  const slope = x < 0.01 ? -0.5 + x / 6 - x ** 3 / 180 : (1 - x - x / grown) / grown;
  return { rate, slope };
}
