import type { Offer } from "../laws/law.ts";
import { lognormal, random, type Random } from "./random.ts";

/** The world around a law. Seconds, unless a name says otherwise. */
export type Plant = {
  readonly offers: readonly PlantOffer[];
  /** Lognormal with this median and shape, cut to [least, most] by drawing again. */
  readonly spinUp: {
    readonly median: number;
    readonly sigma: number;
    readonly least: number;
    readonly most: number;
  };
  readonly leaseSeconds: number;
  /** The annex's _DRAIN_SECONDS: in its last stretch a node takes no job, whatever the law asks for. */
  readonly drainSeconds: number;
  /** An instance without a job ends itself after so long, where the law does not say; infinite for never. */
  readonly idleSeconds: number;
  /** NEGOTIATOR_INTERVAL. */
  readonly negotiationSeconds: number;
  readonly tickSeconds: number;
  /** CLAIM_WORKLIFE: an older claim takes no further job without negotiation. */
  readonly claimWorklifeSeconds: number;
  readonly maxInstances: number;
  readonly maxOrder: number;
  /** What the law is told: machine-hours that one job-hour of waiting is worth, and the least instances. */
  readonly waitValue: number;
  readonly warmInstances: number;
  /** More may be ordered than the jobs need that wait. */
  readonly spares: boolean;
  /** Nodes let no job start with less lease left, whatever the law says; undefined leaves it to the law. */
  readonly refuseSeconds?: number;
  /** A job counts for the law when it has been idle for so long; undefined for at once. */
  readonly demandSeconds?: number;
  /** An instance is let go when it has been idle for at least so long; undefined for at once. */
  readonly restSeconds?: number;
  /** Share of instances that never join. They end themselves. */
  readonly failedBootShare: number;
  readonly failedBootSeconds: number;
  /** An evicted job goes on where it was, as from a checkpoint; else it starts from scratch. */
  readonly resumes: boolean;
  /** From the spot notice to the end. */
  readonly noticeSeconds: number;
};

export type PlantOffer = Omit<Offer, "room"> & {
  /** Spot reclaims of a running instance per hour. */
  readonly reclaimsPerHour: number;
  /** Most instances of this offer that EC2 has for us, as time goes by; none means no shortage. */
  readonly capacity?: (time: number) => number;
};

/** Base case of the reference: 3.46 min to join, truncated to 2-8 min; negotiation and tick each minute. */
export const BASE_PLANT: Omit<Plant, "offers"> = {
  spinUp: { median: 3.46 * 60, sigma: 0.35, least: 120, most: 480 },
  leaseSeconds: 24 * 3600,
  drainSeconds: 0,
  idleSeconds: 1200,
  negotiationSeconds: 60,
  tickSeconds: 60,
  claimWorklifeSeconds: Number.POSITIVE_INFINITY,
  maxInstances: 100_000,
  maxOrder: 100_000,
  waitValue: 1,
  warmInstances: 0,
  spares: true,
  failedBootShare: 0,
  failedBootSeconds: 600,
  resumes: false,
  noticeSeconds: 120,
};

/** A machine for one-CPU jobs with memory and disk to spare. */
export function cpuOffer(cpus: number): PlantOffer {
  return {
    machine: { cpus, memory: cpus * 4096, disk: Number.POSITIVE_INFINITY, gpus: 0 },
    price: 1,
    reclaimsPerHour: 0,
  };
}

export type Fate = {
  /** From launch to joining; infinite for a boot that fails. */
  readonly spinUp: number;
  /** From launch to the spot notice. */
  readonly reclaim: number;
};

/** What will become of the n-th launch: the same under every law. */
export function fate(plant: Plant, offer: PlantOffer, seed: number, launch: number): Fate {
  const next = random(seed, 0x5b07, launch);
  const fails = next() < plant.failedBootShare;
  const reclaim = -Math.log(1 - next()) / offer.reclaimsPerHour;
  return {
    spinUp: fails ? Number.POSITIVE_INFINITY : spinUpTime(plant.spinUp, next),
    reclaim: reclaim * 3600,
  };
}

function spinUpTime({ median, sigma, least, most }: Plant["spinUp"], next: Random): number {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const time = lognormal(next, median, sigma);
    if (time >= least && time <= most) return time;
  }
  return Math.min(most, Math.max(least, median));
}

/** Mean of the cut lognormal by its midpoint sum, hours: what a boot costs. */
export function meanSpinUpHours(spinUp: Plant["spinUp"]): number {
  const { median, sigma, least, most } = spinUp;
  if (sigma === 0 || least === most) return Math.min(most, Math.max(least, median)) / 3600;
  let mass = 0;
  let sum = 0;
  const steps = 4000;
  for (let i = 0; i < steps; i++) {
    const time = least + ((i + 0.5) * (most - least)) / steps;
    const z = Math.log(time / median) / sigma;
    const density = Math.exp((-z * z) / 2) / time;
    mass += density;
    sum += density * time;
  }
  return sum / mass / 3600;
}
