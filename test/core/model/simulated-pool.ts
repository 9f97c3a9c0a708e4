import { matches } from "../../../core/model/flows.ts";
import type { Reading } from "../../../core/model/estimate.ts";
import type { ModelParameters, ModelVariant } from "../../../core/model/parameters.ts";
import type { SpinUp } from "../../../core/model/spin-up.ts";

/** Numbers from 0 to 1 that are the same at every run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const normal = (draw: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());

export type SimulatedPool = {
  readonly parameters: ModelParameters;
  readonly variant: ModelVariant;
  /** Mean number of jobs that are submitted together; geometric. */
  readonly batch: number;
  /** Of the lognormal delay, in hours. */
  readonly medianSpinUp: number;
  readonly spread: number;
  readonly hours: number;
  readonly pollHours: number;
  /** Whether a machine tells when it started, or only the polls around that are known. */
  readonly startTimes: boolean;
  readonly seed: number;
};

const COUNTERS = ["submitted", "started", "completed", "ordered", "idleEnded", "busyEnded"] as const;
type Counter = (typeof COUNTERS)[number];

export type Observed = {
  readonly readings: (counter: Counter, exposed: (poll: Poll) => number) => Reading[];
  readonly spinUps: readonly SpinUp[];
};

type Poll = { readonly queued: number; readonly idle: number; readonly busy: number };

/** The stochastic counterpart of PM2, event by event (Gillespie), seen as the hook sees a pool: by polls. */
export function simulate(pool: SimulatedPool): Observed {
  const { parameters: p, variant, hours, pollHours } = pool;
  const draw = random(pool.seed);
  const counters: Record<Counter, number> = {
    submitted: 0,
    started: 0,
    completed: 0,
    ordered: 0,
    idleEnded: 0,
    busyEnded: 0,
  };
  let [queued, idle, busy, time] = [0, 0, 0, 0];
  const flying: { ordered: number; joins: number }[] = [];
  const spinUps: SpinUp[] = [];
  const polls: (Poll & Record<Counter, number> & { hours: number })[] = [];
  let nextPoll = 0;
  while (time < hours) {
    const rates = [
      p.submissionRate / pool.batch,
      matches(p, variant, queued, idle).rate,
      p.completionRate * busy,
      p.provisioningRate * queued,
      p.idleTerminationRate * idle,
      p.runningTerminationRate * busy,
    ];
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    const next = time - Math.log(1 - draw()) / total;
    const joining = Math.min(...flying.map(({ joins }) => joins), Number.POSITIVE_INFINITY);
    const until = Math.min(next, joining, hours);
    for (; nextPoll <= until; nextPoll += pollHours)
      polls.push({ queued, idle, busy, ...counters, hours: nextPoll });
    time = until;
    if (until === joining) {
      const which = flying.findIndex(({ joins }) => joins === joining);
      const [joined] = flying.splice(which, 1);
      if (joined !== undefined) {
        const exact = joined.joins - joined.ordered;
        const known = pool.startTimes
          ? { from: exact, to: exact }
          : between(joined.ordered, joined.joins, pollHours);
        spinUps.push(known);
      }
      idle++;
      continue;
    }
    if (until === hours) break;
    let mark = draw() * total;
    const event = rates.findIndex((rate) => (mark -= rate) < 0);
    if (event === 0) {
      let size = 1;
      while (draw() > 1 / pool.batch) size++;
      queued += size;
      counters.submitted += size;
    } else if (event === 1) {
      [queued, idle, busy] = [queued - 1, idle - 1, busy + 1];
      counters.started++;
    } else if (event === 2) {
      [busy, idle] = [busy - 1, idle + 1];
      counters.completed++;
    } else if (event === 3) {
      flying.push({ ordered: time, joins: time + pool.medianSpinUp * Math.exp(pool.spread * normal(draw)) });
      counters.ordered++;
    } else if (event === 4) {
      idle--;
      counters.idleEnded++;
    } else {
      busy--;
      counters.busyEnded++;
    }
  }
  return {
    readings: (counter, exposed) =>
      polls.map((poll) => ({ hours: poll.hours, counter: poll[counter], exposed: exposed(poll) })),
    spinUps: [
      ...spinUps,
      ...flying.map(({ ordered }) => ({ from: hours - ordered, to: Number.POSITIVE_INFINITY })),
    ],
  };
}

/** The order is known to the second, the joining only by the polls before and after it. */
function between(ordered: number, joined: number, pollHours: number): SpinUp {
  const poll = Math.ceil(joined / pollHours) * pollHours;
  return { from: Math.max(0, poll - pollHours - ordered), to: poll - ordered };
}
