import { quantileOf } from "./quantile.ts";

/** What a run is paid and waited for; filled while it runs. */
export type Tally = {
  /** From launch to end, by offer. */
  readonly machineSeconds: number[];
  /** CPU-seconds on joined instances by use. */
  useful: number;
  lost: number;
  /** CPU-seconds that were paid for, booting ones included. */
  paidCpu: number;
  bootCpu: number;
  launches: number;
  failedBoots: number;
  refused: number;
  evictions: number;
  reclaims: number;
  completed: number;
  releases: number;
  withdrawals: number;
  /** Instances at each tick while jobs came, for the swing. */
  ticks: number;
  sum: number;
  sumOfSquares: number;
  most: number;
};

export function tally(offers: number): Tally {
  return {
    machineSeconds: Array.from({ length: offers }, () => 0),
    useful: 0,
    lost: 0,
    paidCpu: 0,
    bootCpu: 0,
    launches: 0,
    failedBoots: 0,
    refused: 0,
    evictions: 0,
    reclaims: 0,
    completed: 0,
    releases: 0,
    withdrawals: 0,
    ticks: 0,
    sum: 0,
    sumOfSquares: 0,
    most: 0,
  };
}

/** Hours, and minutes for waits, as people speak of them. */
export type Report = {
  readonly jobs: number;
  readonly completed: number;
  /** Jobs that no instance could ever hold or finish within its lease: left out, and counted here. */
  readonly excluded: { readonly tooLarge: number; readonly tooLong: number };
  /** Jobs that had not completed when the run was given up. */
  readonly unfinished: number;
  readonly machineHours: number;
  /** Machine-hours times price. */
  readonly cost: number;
  /** Σ over jobs of the time idle in the queue, the time after an eviction included. */
  readonly waitHours: number;
  readonly waitMinutes: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  };
  /** CPU-hours: paid = useful + lost + booting + idle. */
  readonly cpuHours: {
    readonly paid: number;
    readonly useful: number;
    readonly lost: number;
    readonly booting: number;
    readonly idle: number;
  };
  readonly idleFraction: number;
  /** Standard deviation of the number of instances over its mean, while jobs came. */
  readonly swing: number;
  readonly mostInstances: number;
  readonly launches: number;
  readonly failedBoots: number;
  /** Instances that EC2 did not have. */
  readonly refused: number;
  readonly evictions: number;
  readonly reclaims: number;
  readonly releases: number;
  readonly withdrawals: number;
  /** When the run ended. */
  readonly hours: number;
};

/** J_β: machine-hours at the first offer's price, plus β for each job-hour waited. */
export function objective(report: Pick<Report, "cost" | "waitHours">, waitValue: number, price = 1): number {
  return report.cost / price + waitValue * report.waitHours;
}

export function report(p: {
  readonly tally: Tally;
  readonly prices: readonly number[];
  readonly waits: Float64Array;
  readonly excluded: { readonly tooLarge: number; readonly tooLong: number };
  readonly jobs: number;
  readonly now: number;
}): Report {
  const { tally, waits } = p;
  const machineSeconds = tally.machineSeconds.reduce((sum, seconds) => sum + seconds, 0);
  const cost = tally.machineSeconds.reduce((sum, seconds, i) => sum + seconds * (p.prices[i] ?? 0), 0) / 3600;
  const waited = waits.reduce((sum, seconds) => sum + seconds, 0);
  const sorted = waits.slice().sort();
  const idle = tally.paidCpu - tally.useful - tally.lost - tally.bootCpu;
  const mean = tally.ticks === 0 ? 0 : tally.sum / tally.ticks;
  const variance = tally.ticks === 0 ? 0 : Math.max(0, tally.sumOfSquares / tally.ticks - mean * mean);
  return {
    jobs: p.jobs,
    completed: tally.completed,
    excluded: p.excluded,
    unfinished: waits.length - tally.completed,
    machineHours: machineSeconds / 3600,
    cost,
    waitHours: waited / 3600,
    waitMinutes: {
      mean: waits.length === 0 ? 0 : waited / waits.length / 60,
      p50: quantileOf(sorted, 0.5) / 60,
      p95: quantileOf(sorted, 0.95) / 60,
      p99: quantileOf(sorted, 0.99) / 60,
    },
    cpuHours: {
      paid: tally.paidCpu / 3600,
      useful: tally.useful / 3600,
      lost: tally.lost / 3600,
      booting: tally.bootCpu / 3600,
      idle: idle / 3600,
    },
    idleFraction: tally.paidCpu === 0 ? 0 : idle / tally.paidCpu,
    swing: mean === 0 ? 0 : Math.sqrt(variance) / mean,
    mostInstances: tally.most,
    launches: tally.launches,
    failedBoots: tally.failedBoots,
    refused: tally.refused,
    evictions: tally.evictions,
    reclaims: tally.reclaims,
    releases: tally.releases,
    withdrawals: tally.withdrawals,
    hours: p.now / 3600,
  };
}
