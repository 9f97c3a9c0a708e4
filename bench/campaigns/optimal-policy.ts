import { at } from "../../core/at.ts";
import type { Law } from "../../core/laws/law.ts";

/**
 * A pool so small that its best policy can be computed: Poisson arrivals, exponential run times, machines of one slot
 * without leases, boots of exactly three ticks, negotiation and decision at each tick. Rates per hour, times in hours.
 */
export type SmallPool = {
  readonly arrivals: number;
  readonly completions: number;
  readonly tick: number;
  readonly waitValue: number;
  /** More jobs or machines are not reckoned with: the chance of them must be negligible. */
  readonly mostJobs: number;
  readonly mostMachines: number;
};

export type Optimum = {
  /** Machine-hours and wait value × hours waited, per hour, of the best policy. */
  readonly costPerHour: number;
  readonly iterations: number;
  /** Machines to order and to release. */
  act(
    jobs: number,
    ready: number,
    joiningNext: number,
    joiningLater: number,
  ): { order: number; release: number };
};

/** What happens between two ticks, from so many jobs and ready machines. */
type Step = { readonly waitHours: number; readonly first: number; readonly chances: Float64Array };

const TOLERANCE = 1e-6;
const MOST_ITERATIONS = 20_000;

/** By relative value iteration; the gap between the bounds of the average cost is below {@link TOLERANCE} at the end. */
export function optimum(pool: SmallPool): Optimum {
  const { mostJobs, mostMachines: most, tick, waitValue } = pool;
  const side = most + 1;
  const indexOf = (jobs: number, ready: number, next: number, later: number): number =>
    ((jobs * side + ready) * side + next) * side + later;
  const size = (mostJobs + 1) * side ** 3;
  const steps = Array.from({ length: (mostJobs + 1) * side }, (_, i) =>
    betweenTicks(pool, Math.floor(i / side), i % side),
  );
  const stepOf = (jobs: number, ready: number): Step => at(steps, jobs * side + ready);

  let values = new Float64Array(size);
  let following = new Float64Array(size);
  const orders = new Uint8Array(size);
  const releases = new Uint8Array(size);
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let iterations = 0;
  while (high - low > TOLERANCE * Math.max(1, low) && iterations++ < MOST_ITERATIONS) {
    low = Number.POSITIVE_INFINITY;
    high = Number.NEGATIVE_INFINITY;
    for (let jobs = 0; jobs <= mostJobs; jobs++) {
      for (let ready = 0; ready <= most; ready++) {
        const idle = Math.max(0, ready - jobs);
        for (let next = 0; ready + next <= most; next++) {
          for (let later = 0; ready + next + later <= most; later++) {
            let best = Number.POSITIVE_INFINITY;
            let order = 0;
            let release = 0;
            for (let gone = 0; gone <= idle; gone++) {
              const stays = ready - gone;
              const { waitHours, first, chances } = stepOf(jobs, stays);
              const alive = stays + next + later;
              for (let more = 0; alive + more <= most; more++) {
                // Who orders does not release: either would undo the other.
                if (more > 0 && gone > 0) break;
                let expected = 0;
                for (let i = 0; i < chances.length; i++) {
                  expected += at(chances, i) * at(values, indexOf(first + i, stays + next, later, more));
                }
                const cost = tick * (alive + more) + waitValue * waitHours + expected;
                if (cost < best - 1e-12) [best, order, release] = [cost, more, gone];
              }
            }
            const here = indexOf(jobs, ready, next, later);
            following[here] = best;
            orders[here] = order;
            releases[here] = release;
            const change = best - at(values, here);
            low = Math.min(low, change);
            high = Math.max(high, change);
          }
        }
      }
    }
    // Only differences matter.
    const base = at(following, 0);
    for (let i = 0; i < size; i++) following[i] = at(following, i) - base;
    [values, following] = [following, values];
  }
  return {
    costPerHour: (low + high) / 2 / tick,
    iterations,
    act(jobs, ready, next, later) {
      const here = indexOf(Math.min(mostJobs, jobs), ready, next, later);
      return { order: at(orders, here), release: at(releases, here) };
    },
  };
}

/** Transient of jobs that wait and run, by uniformisation. A completed job's machine takes a waiting one at once. */
function betweenTicks(
  { arrivals, completions, tick, mostJobs }: SmallPool,
  jobs: number,
  ready: number,
): Step {
  const busyAtFirst = Math.min(jobs, ready);
  const rate = arrivals + busyAtFirst * completions;
  const width = busyAtFirst + 1;
  const most = mostJobs;
  let now = new Float64Array((most + 1) * width);
  now[(jobs - busyAtFirst) * width + busyAtFirst] = 1;
  const byJobs = new Float64Array(mostJobs + 1);
  let waitHours = 0;
  let weight = Math.exp(-rate * tick);
  let covered = 0;
  for (let events = 0; covered < 1 - 1e-12 && events < 500; events++) {
    covered += weight;
    const then = new Float64Array(now.length);
    for (let waiting = 0; waiting <= most; waiting++) {
      for (let busy = 0; busy < width; busy++) {
        const chance = at(now, waiting * width + busy);
        if (chance === 0) continue;
        const total = Math.min(mostJobs, waiting + busy);
        byJobs[total] = at(byJobs, total) + weight * chance;
        waitHours += (Math.max(0, 1 - covered) / rate) * waiting * chance;
        const put = (w: number, b: number, share: number): void => {
          const place = Math.min(most, w) * width + b;
          then[place] = at(then, place) + share * chance;
        };
        put(waiting + 1, busy, arrivals / rate);
        if (busy > 0)
          put(Math.max(0, waiting - 1), waiting > 0 ? busy : busy - 1, (busy * completions) / rate);
        put(waiting, busy, ((busyAtFirst - busy) * completions) / rate);
      }
    }
    now = then;
    weight *= (rate * tick) / (events + 1);
  }
  const first = byJobs.findIndex((chance) => chance > 1e-13);
  const last = byJobs.findLastIndex((chance) => chance > 1e-13);
  const chances = byJobs.slice(first, last + 1);
  const whole = chances.reduce((sum, chance) => sum + chance, 0);
  return { waitHours, first, chances: chances.map((chance) => chance / whole) };
}

/** The best policy as a law, for the simulator's own check of it. */
export function optimalLaw(best: Optimum, pool: SmallPool): Law<null> {
  return {
    name: "optimal",
    source: "relative value iteration",
    simplified: "",
    initial: null,
    idleSeconds: Number.POSITIVE_INFINITY,
    decide(seen, memory) {
      const joined = seen.machines.filter((one) => one.joined !== undefined);
      const running = joined.reduce((sum, { jobs }) => sum + jobs.length, 0);
      const waiting = seen.waiting.reduce((sum, { count }) => sum + count, 0);
      const inFlight = seen.machines.filter((one) => one.joined === undefined);
      const next = inFlight.filter(({ ordered }) => seen.now - ordered > 1.5 * pool.tick * 3600 - 1).length;
      const { order, release } = best.act(running + waiting, joined.length, next, inFlight.length - next);
      const idle = joined.filter(({ jobs }) => jobs.length === 0).map(({ id }) => id);
      return {
        order: order > 0 ? [{ offer: 0, count: order }] : [],
        release: idle.slice(0, release),
        reason: "the best of this pool",
        memory,
      };
    },
  };
}
