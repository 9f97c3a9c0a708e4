import { fleet, ids, orderOf, rested } from "./fleet.ts";
import type { Law, Limits, Observation } from "./law.ts";

type Memory = {
  /** Arrived, completed and busy slot-hours of each look of the last half hour. */
  readonly looks: readonly { readonly arrived: number; readonly ended: number; readonly busyHours: number }[];
  readonly ended: number;
  readonly busyHours: number;
};

const WINDOW_SECONDS = 1800;
const BOOT_HOURS = 4 / 60;
const LATE_SECONDS = 9 * 60;

/** The reference's first law, "MV+release": a fluid predictor and a marginal test. */
export function marginalValue({ holdSeconds = -1, spare = "auto" as boolean | "auto" } = {}): Law<Memory> {
  return {
    name: "marginal-value",
    source: "MV+release of this project's model study",
    simplified: "hold 0, 1 and 2 min at values below 3, below 10 and from 10, where spares begin",
    initial: { looks: [], ended: 0, busyHours: 0 },
    idleSeconds: Number.POSITIVE_INFINITY,
    decide(seen, before, limits) {
      const { waitValue, tickSeconds } = limits;
      const memory = learn(before, seen, limits);
      const hold = holdSeconds >= 0 ? holdSeconds : waitValue < 3 ? 0 : waitValue < 10 ? 60 : 120;
      const reserve = spare === "auto" ? waitValue >= 10 : spare;
      const { slots, idleCpus, busyCpus, idle, busy, inFlight } = fleet(seen, limits);
      const coming = inFlight.filter(({ ordered }) => seen.now - ordered <= LATE_SECONDS);
      const { arrivals, completion } = rates(memory, tickSeconds);

      let x = idleCpus + busyCpus;
      let capacity = (idle.length + busy.length) * slots;
      const step = 1 / 60;
      for (let u = 0; u < BOOT_HOURS - 1e-9; u += step) {
        const at = seen.now + u * 3600;
        const landed = coming.filter(({ ordered }) => ordered + BOOT_HOURS * 3600 <= at).length;
        const ended = [...idle, ...busy].filter(({ leaseEnd }) => leaseEnd <= at).length;
        capacity = (idle.length + busy.length + landed - ended) * slots;
        x += step * (arrivals - completion * Math.min(x, capacity));
      }
      const after = seen.now + BOOT_HOURS * 3600;
      const expiring = [...idle, ...busy].filter(({ leaseEnd }) => leaseEnd <= after).length;
      capacity = (idle.length + busy.length + coming.length - expiring) * slots;
      const z = reserve ? normalQuantile(1 - 1 / waitValue) : 0;
      const lack = x - capacity + z * Math.sqrt(2 * arrivals * BOOT_HOURS);

      const waste = BOOT_HOURS + hold / 3600;
      const horizon = Math.max(hold / 3600, 1 / completion, tickSeconds / 3600, (2 * waste) / waitValue);
      const area = (count: number): number => {
        const y = lack - slots * count;
        const drain = completion * (capacity + slots * count) - arrivals;
        if (y <= 0) return 0;
        return drain > 0 && y < drain * horizon
          ? (y * y) / (2 * drain)
          : y * horizon - (drain * horizon * horizon) / 2;
      };
      const free = idle.length * slots;
      const visible = Math.ceil((idleCpus - free - slots * coming.length + slots * expiring) / slots);
      const most = reserve ? Math.ceil(Math.max(0, lack) / slots) + 1 : Math.max(0, visible);
      const count = smallest(most, (m) => waitValue * (area(m) - area(m + 1)) < waste);
      const surplus = count === 0 ? Math.max(0, Math.round(-lack / slots)) : 0;
      const going = rested(idle, seen.now, hold)
        .sort((a, b) => a.leaseEnd - b.leaseEnd)
        .slice(0, surplus);
      return {
        order: orderOf(count),
        release: ids(going),
        reason: `lack ${lack.toFixed(1)} slots after a boot`,
        memory,
      };
    },
  };
}

function learn(before: Memory, seen: Observation, limits: Limits): Memory {
  const { busyCpus } = fleet(seen, limits);
  const look = {
    arrived: seen.arrived.reduce((sum, { count, cpus }) => sum + count * cpus, 0),
    ended: seen.completed.length,
    busyHours: (busyCpus * limits.tickSeconds) / 3600,
  };
  const most = Math.ceil(WINDOW_SECONDS / limits.tickSeconds);
  return {
    looks: [...before.looks, look].slice(-most),
    ended: before.ended + look.ended,
    busyHours: before.busyHours + look.busyHours,
  };
}

/** Per hour; completions of the window drawn to the long run by two, and that to one an hour by one. */
function rates(
  { looks, ended, busyHours }: Memory,
  tickSeconds: number,
): { arrivals: number; completion: number } {
  const sum = looks.reduce(
    (total, one) => ({
      arrived: total.arrived + one.arrived,
      ended: total.ended + one.ended,
      busyHours: total.busyHours + one.busyHours,
    }),
    { arrived: 0, ended: 0, busyHours: 0 },
  );
  const long = (ended + 1) / (busyHours + 1);
  return {
    arrivals: sum.arrived / ((looks.length * tickSeconds) / 3600),
    completion: (sum.ended + 2) / (sum.busyHours + 2 / long),
  };
}

/** The smallest whole number to `most` that passes a test which larger ones pass too. */
function smallest(most: number, passes: (n: number) => boolean): number {
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** By bisection of the logistic approximation's exact counterpart; enough digits for a number of machines. */
function normalQuantile(p: number): number {
  // Abramowitz and Stegun 26.2.23, error below 4.5e-4.
  const tail = Math.min(p, 1 - p);
  const t = Math.sqrt(-2 * Math.log(Math.max(1e-12, tail)));
  const z =
    t -
    (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3);
  return p >= 0.5 ? z : -z;
}
