import { UpdraftError } from "../errors.ts";

/** Rates of the provisioning models, per hour. The paper's symbols stand beside the words. */
export type ModelParameters = {
  /** Σ_Q: jobs submitted per hour. */
  readonly submissionRate: number;
  /** σ_QIR: per hour, queued job and idle machine (mass action), or per hour of whichever is fewer (min). */
  readonly matchRate: number;
  /** σ_QI: machines ordered per hour and queued job. */
  readonly provisioningRate: number;
  /** σ_RI: jobs completed per hour and busy machine. */
  readonly completionRate: number;
  /** σ_IT: idle machines that end, per hour; as a timer, the inverse of its length. */
  readonly idleTerminationRate: number;
  /** σ_RT: busy machines that end, per hour. */
  readonly runningTerminationRate: number;
};

/** What the slides leave open or simplify; `PRINTED` is the model as it was printed, its misprint mended. */
export type ModelVariant = {
  readonly matching: "mass-action" | "min";
  /** What becomes of the job on a machine that ends: the slides lose it, HTCondor queues it again. */
  readonly evicted: "lost" | "requeued";
  /** Idle machines end at a constant rate, or after a fixed time in which none was matched. */
  readonly idleEnd: "rate" | "timer";
};

export const PRINTED: ModelVariant = { matching: "mass-action", evicted: "lost", idleEnd: "rate" };

/** Numbers of queued jobs (X_Q), idle machines (X_I) and busy machines (X_R). */
export type PoolState = { readonly queued: number; readonly idle: number; readonly busy: number };

export const SYMBOLS: Readonly<Record<keyof ModelParameters, string>> = {
  submissionRate: "Σ_Q",
  matchRate: "σ_QIR",
  provisioningRate: "σ_QI",
  completionRate: "σ_RI",
  idleTerminationRate: "σ_IT",
  runningTerminationRate: "σ_RT",
};

/** Beyond these no pool is meant, and double precision would no longer tell the rates apart. */
const SMALLEST_RATE = 1e-9;
const LARGEST_RATE = 1e9;
/** Longer than a century is a mistake in the unit. */
const LONGEST_DELAY = 1e6;

/** Throws `usage` naming every rate that is not a positive number; rates of zero have trajectories, but no equilibrium. */
export function checkParameters(parameters: ModelParameters, { zeroAllowed = false } = {}): void {
  const names = Object.keys(SYMBOLS) as (keyof ModelParameters)[];
  const bad = names.filter((name) => {
    const rate = parameters[name];
    return !(zeroAllowed && rate === 0) && !(rate >= SMALLEST_RATE && rate <= LARGEST_RATE);
  });
  if (bad.length === 0) return;
  const told = bad.map((name) => `${name} (${SYMBOLS[name]}) is ${parameters[name]}`).join(", ");
  throw new UpdraftError(
    "usage",
    `${told} per hour, which the models cannot use`,
    `Give every rate per hour as a number from ${SMALLEST_RATE} to ${LARGEST_RATE}${zeroAllowed ? ", or 0" : ""}.`,
  );
}

/** Throws `usage` when a time in hours is not a number, negative, beyond a century, or zero where that has no meaning. */
export function checkHours(name: string, hours: number, { zeroAllowed = false } = {}): void {
  if (hours <= LONGEST_DELAY && (hours > 0 || (zeroAllowed && hours === 0))) return;
  throw new UpdraftError(
    "usage",
    `${name} is ${hours} hours`,
    `Give it in hours as a ${zeroAllowed ? "number that is not negative" : "positive number"}, up to ${LONGEST_DELAY}.`,
  );
}
