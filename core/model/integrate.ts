import { UpdraftError } from "../errors.ts";
import { at, entry } from "./entries.ts";
import { history, interpolate, type Past } from "./history.ts";

export type DelayProblem = {
  /** Writes x'(t) per hour into `out`; `past` gives components of x at times up to t − the shortest delay. */
  readonly derivative: (time: number, state: Float64Array, past: Past, out: Float64Array) => void;
  /** State at time 0. */
  readonly initial: readonly number[];
  /** Components before time 0; the initial state when it says nothing else. */
  readonly before?: (component: number) => number;
  /** Hours, all positive; none for an ordinary differential equation. */
  readonly delays: readonly number[];
  /** Instants, in order of time, at which the state jumps. */
  readonly impulses?: readonly Impulse[];
  /** How many hours back an impulse looks; delays are remembered anyway. */
  readonly memory?: number;
};

export type Impulse = {
  readonly time: number;
  readonly apply: (state: Float64Array, past: Past) => void;
};

export type Tolerance = { readonly relative: number; readonly absolute: number };

/** Tight enough for 1e-9 of a trajectory of three days. */
export const FINE: Tolerance = { relative: 1e-11, absolute: 1e-13 };

const MOST_STEPS = 300_000;
/** After so many steps the transient is over, and the rest of the run can be judged by what is done. */
const JUDGED_AFTER = 20_000;
/** A jump at 0 has become smooth enough for a method of order 5 after so many delays. */
const SMOOTHED_AFTER = 5;

/**
 * States at the given times (hours, increasing, from 0), one row per time, by Dormand–Prince 5(4) with dense output.
 * Steps end at every breakpoint that a delay carries forward and at every impulse, and are never longer than the shortest
 * delay. At an impulse's own time the state is the one before it. Throws `usage` on bad times, `failed` when the problem is
 * too stiff for the method or leaves the range of numbers.
 */
export function integrate(
  problem: DelayProblem,
  times: readonly number[],
  tolerance: Tolerance = FINE,
): number[][] {
  checkTimes(times);
  const n = problem.initial.length;
  const end = times.at(-1) ?? 0;
  const { initial } = problem;
  const memory = history(
    Math.max(problem.memory ?? 0, ...problem.delays) * (1 + 1e-9),
    problem.before ?? ((component) => at(initial, component)),
  );
  const { impulses = [] } = problem;
  let arrived = 0;
  const stops = breakpoints(
    problem.delays,
    impulses.map(({ time }) => time),
    end,
  );
  const longest = Math.min(end, ...problem.delays);
  const state = Float64Array.from(initial);
  const step = stepper(problem, memory.past, n, tolerance);
  const rows: number[][] = [];
  let asked = 0;
  while (asked < times.length && times[asked] === 0) {
    rows.push([...initial]);
    asked++;
  }
  let time = 0;
  let steps = 0;
  let proposal = Math.min(longest, 1e-4 * end);
  if (end / longest > MOST_STEPS) throw tooStiff(0);
  const jump = (): void => {
    for (let next = impulses[arrived]; next !== undefined && next.time <= time; next = impulses[++arrived])
      next.apply(state, memory.past);
  };
  jump();
  for (const stop of stops) {
    step.restart(time, state);
    while (time < stop) {
      steps++;
      const foreseen = steps < JUDGED_AFTER ? steps : (steps * end) / time;
      if (foreseen > MOST_STEPS) throw tooStiff(time);
      const last = proposal >= (stop - time) * (1 - 1e-9);
      const tried = Math.min(last ? stop - time : proposal, longest);
      if (!last && tried < 1e-13 * end) throw tooStiff(time);
      const { error, coefficients } = step.attempt(time, state, tried);
      if (!(error <= 1)) {
        proposal = tried * (Number.isFinite(error) ? Math.max(0.2, 0.9 * error ** -0.2) : 0.1);
        continue;
      }
      memory.add(time, tried, coefficients);
      const reached = last && tried === stop - time ? stop : time + tried;
      for (; asked < times.length && at(times, asked) <= reached; asked++) {
        const share = Math.min(1, (at(times, asked) - time) / tried);
        rows.push(initial.map((_, i) => interpolate(coefficients, i, share)));
      }
      step.accept(state);
      time = reached;
      // A step that was cut short by a stop says nothing against the length that was meant.
      const grown = tried * Math.min(5, 0.9 * Math.max(error, 1e-6) ** -0.2);
      proposal = Math.min(last ? Math.max(grown, proposal) : grown, longest);
    }
    jump();
  }
  return rows;
}

function checkTimes(times: readonly number[]): void {
  const wrong = times.findIndex((time, i) => !(time >= (i > 0 ? at(times, i - 1) : 0) && time < 1e9));
  if (wrong < 0) return;
  throw new UpdraftError(
    "usage",
    `time ${wrong + 1} of the trajectory is ${times[wrong]} hours`,
    "Give times in hours as numbers from 0 on that do not decrease.",
  );
}

const tooStiff = (time: number): UpdraftError =>
  new UpdraftError(
    "failed",
    `the trajectory needs too many steps; it came to hour ${time}`,
    "Choose a shorter run, or rates and delays that are closer together: this problem is stiff.",
  );

/** Where the solution is not smooth: 0 and the impulses, each carried forward by sums of up to five delays. */
export function breakpoints(delays: readonly number[], impulses: readonly number[], end: number): number[] {
  const found = new Set<number>([end]);
  let front = [0, ...impulses].filter((time) => time < end);
  for (let order = 0; order <= SMOOTHED_AFTER; order++) {
    for (const time of front) if (time > 0) found.add(time);
    if (order === SMOOTHED_AFTER) break;
    front = [...new Set(front.flatMap((time) => delays.map((delay) => time + delay)))].filter(
      (time) => time < end,
    );
  }
  const sorted = [...found].sort((a, b) => a - b);
  // Sums of the same delays in another order differ in the last bits; impulses keep their exact times.
  const exact = new Set([...impulses, end]);
  return sorted.filter((time, i) => {
    const near = (other: number | undefined): boolean =>
      other !== undefined && Math.abs(other - time) <= 1e-12 * Math.max(1, time);
    if (exact.has(time)) return true;
    return !near(sorted[i - 1]) && !(near(sorted[i + 1]) && exact.has(at(sorted, i + 1)));
  });
}

// Dormand and Prince (1980); the rows of the tableau, then the error weights, then those of the dense output.
const C = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
const A = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const E = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];
const D = [
  -12715105075 / 11282082432,
  0,
  87487479700 / 32700410799,
  -10690763975 / 1880347072,
  701980252875 / 199316789632,
  -1453857185 / 822651844,
  69997945 / 29380423,
];

type Stepper = {
  /** The derivative may have jumped: evaluate it afresh. */
  readonly restart: (time: number, state: Float64Array) => void;
  readonly attempt: (
    time: number,
    state: Float64Array,
    length: number,
  ) => { readonly error: number; readonly coefficients: Float64Array };
  readonly accept: (state: Float64Array) => void;
};

function stepper(problem: DelayProblem, past: Past, n: number, tolerance: Tolerance): Stepper {
  const k = C.map(() => new Float64Array(n));
  const next = new Float64Array(n);
  const slope = (stage: number, time: number, state: Float64Array): void =>
    problem.derivative(time, state, past, k[stage] as Float64Array);
  const combine = (weights: readonly number[], i: number): number => {
    let sum = 0;
    for (let stage = 0; stage < weights.length; stage++) sum += at(weights, stage) * entry(k, stage, i);
    return sum;
  };
  return {
    restart: (time, state) => slope(0, inside(time, 1e-13), state),
    attempt(time, state, length) {
      for (let stage = 1; stage < C.length; stage++) {
        const weights = A[stage] as readonly number[];
        for (let i = 0; i < n; i++) next[i] = at(state, i) + length * combine(weights, i);
        const moment = time + at(C, stage) * length;
        // The last two stages look from within the step at what may jump at its end.
        slope(stage, stage < 5 ? moment : inside(moment, -1e-13), next);
      }
      let sum = 0;
      const coefficients = new Float64Array(5 * n);
      for (let i = 0; i < n; i++) {
        const [from, to] = [at(state, i), at(next, i)];
        const size = tolerance.absolute + tolerance.relative * Math.max(Math.abs(from), Math.abs(to));
        sum += ((length * combine(E, i)) / size) ** 2;
        const [first, last] = [length * entry(k, 0, i), length * entry(k, 6, i)];
        const rise = to - from;
        coefficients.set(
          [from, rise, first - rise, rise - last - (first - rise), length * combine(D, i)],
          5 * i,
        );
      }
      return { error: Math.sqrt(sum / n), coefficients };
    },
    accept(state) {
      state.set(next);
      (k[0] as Float64Array).set(k[6] as Float64Array);
    },
  };
}

const inside = (time: number, share: number): number => time + share * Math.max(1, time);
