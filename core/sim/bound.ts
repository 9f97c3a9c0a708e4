import { at } from "../at.ts";
import type { Family } from "./families.ts";
import { FAMILY_HOURS } from "./families.ts";
import type { Plant } from "./plant.ts";
import { coreHours, type Workload } from "./workload.ts";

/**
 * Hours that no causal law of one-CPU jobs can undercut, in expectation over a family's workloads (docs/simulator.md
 * derives it): at each moment, the number of ready machines was settled when the least boot before was not over, and
 * jobs in the system are at least those of unlimited machines.
 *
 *   LB(β) = ∫ min over N of { h·N + β·E[(B(t) − k·N)⁺ | what was known at t − least boot] } dt,  h = L / (L − least boot)
 *
 * What was known includes, generously, how long every job runs that had come. Unknown are the jobs of the last boot:
 * single ones (Poisson) and bursts (compound Poisson, geometric sizes). A bag is unforeseen. No boot is paid in it.
 */
export function lowerBound(
  family: Family,
  jobs: Workload,
  plant: Plant,
  waitValues: readonly number[],
): number[] {
  const ahead = plant.spinUp.least / 3600;
  const lease = plant.leaseSeconds / 3600;
  const ready = lease / (lease - ahead);
  const step = 1 / 60;
  const steps = Math.ceil(Math.max(lastEnd(jobs), FAMILY_HOURS) / step);
  const unknown = unknownJobs(family, ahead);
  const sums = waitValues.map(() => 0);
  const served = knownInService(jobs, ahead, step, steps);
  for (let i = 0; i < steps; i++) {
    const time = (i + 0.5) * step;
    const distribution = time > FAMILY_HOURS + ahead ? NOTHING : unknown(time);
    waitValues.forEach((value, which) => {
      sums[which] =
        at(sums, which) + step * leastCost(at(served, i), distribution, family.slots, ready, value);
    });
  }
  return sums;
}

const NOTHING: readonly number[] = [1];

function lastEnd({ count, submitted, runSeconds }: Workload): number {
  let end = 0;
  for (let i = 0; i < count; i++) end = Math.max(end, at(submitted, i) + at(runSeconds, i));
  return end / 3600;
}

/** At the middle of each step, jobs at work on unlimited machines that had come at least so long before. */
function knownInService(jobs: Workload, ahead: number, step: number, steps: number): Float64Array {
  const change = new Float64Array(steps + 1);
  const stepOf = (hours: number): number => Math.min(steps, Math.max(0, Math.ceil(hours / step - 0.5)));
  for (let i = 0; i < jobs.count; i++) {
    const submitted = at(jobs.submitted, i) / 3600;
    const ends = submitted + at(jobs.runSeconds, i) / 3600;
    const from = stepOf(submitted + ahead);
    const to = stepOf(ends);
    if (to <= from) continue;
    change[from] = at(change, from) + 1;
    change[to] = at(change, to) - 1;
  }
  let level = 0;
  return change.map((by) => (level += by)).subarray(0, steps);
}

const MOST_UNKNOWN = 1200;

/** Distribution of the jobs that came within the last `ahead` hours and are still at work, by Panjer's recursion. */
function unknownJobs(family: Family, ahead: number): (time: number) => readonly number[] {
  const cache = new Map<string, readonly number[]>();
  const parts = 8;
  const survives = Array.from({ length: parts }, (_, i) =>
    family.runTime.survival(((i + 0.5) * ahead) / parts),
  );
  const meanSurvival = survives.reduce((sum, s) => sum + s, 0) / parts;
  return (time) => {
    let singles = 0;
    survives.forEach((s, i) => {
      const came = time - ((i + 0.5) * ahead) / parts;
      if (came >= 0 && came < FAMILY_HOURS) singles += (family.rate(came) * s * ahead) / parts;
    });
    const { bursts } = family;
    const perAhead =
      bursts === undefined || time >= FAMILY_HOURS ? 0 : bursts.perHour * Math.min(ahead, time);
    const key = `${singles.toFixed(2)} ${perAhead.toFixed(5)}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const made = compound(singles, perAhead, (bursts?.meanSize ?? 1) * meanSurvival);
    cache.set(key, made);
    return made;
  };
}

/**
 * Poisson singles and Poisson bursts of geometric size together: p(n) = 1/n · Σ j·a(j)·p(n−j), a the rate of j coming
 * together. A burst of which some jobs have already ended is taken to be geometric with the smaller mean.
 */
function compound(singles: number, bursts: number, meanSize: number): readonly number[] {
  const mean = Math.max(1, meanSize);
  const stop = 1 / mean;
  const most = bursts === 0 ? Math.ceil(singles + 12 * Math.sqrt(singles) + 20) : MOST_UNKNOWN;
  const p = Array.from({ length: most + 1 }, () => 0);
  p[0] = Math.exp(-(singles + bursts));
  // Σ over j of j·a(j)·p(n−j) for the geometric part follows from that of n − 1, and a like sum without the factor j.
  let weighted = 0;
  let plain = 0;
  for (let n = 1; n <= most; n++) {
    const fresh = bursts * stop * at(p, n - 1);
    plain = plain * (1 - stop);
    weighted = weighted * (1 - stop) + plain + fresh;
    plain += fresh;
    p[n] = (singles * at(p, n - 1) + weighted) / n;
  }
  return p;
}

function leastCost(
  known: number,
  unknown: readonly number[],
  slots: number,
  ready: number,
  value: number,
): number {
  if (value * slots <= ready) return value * expectedExcess(known, unknown);
  // E[(B − kN)⁺] falls convexly in N, and below this N each machine is surely filled.
  let machines = Math.floor(known / slots);
  let excess = expectedExcess(known - slots * machines, unknown);
  for (;;) {
    const next = expectedExcess(known - slots * (machines + 1), unknown);
    if (value * (excess - next) <= ready) return ready * machines + value * excess;
    machines++;
    excess = next;
  }
}

/** E[(known + U)⁺] where known may be negative. */
function expectedExcess(known: number, unknown: readonly number[]): number {
  let sum = 0;
  const from = known >= 0 ? 0 : Math.ceil(-known);
  for (let n = from; n < unknown.length; n++) sum += (known + n) * at(unknown, n);
  return sum;
}

/** Core-hours of the jobs over the CPUs of a machine: what any law must pay that finishes them. */
export function workBound(jobs: Workload, cpus: number): number {
  return coreHours(jobs) / cpus;
}

/**
 * Machine-hours of one who knows the future and lets no job wait: machine levels of unlimited service, each gap bridged
 * or paid for by the least boot, whichever is less. Jobs may move between machines in it, so for several slots nobody
 * reaches it.
 */
export function clairvoyantBound(jobs: Workload, cpus: number, leastBootHours: number): number {
  const events: { readonly time: number; readonly change: number }[] = [];
  for (let i = 0; i < jobs.count; i++) {
    const time = at(jobs.submitted, i) / 3600;
    const change = at(jobs.requests, at(jobs.request, i)).cpus;
    events.push({ time, change }, { time: time + at(jobs.runSeconds, i) / 3600, change: -change });
  }
  events.sort((a, b) => a.time - b.time || a.change - b.change);
  const emptySince: number[] = [];
  let hours = 0;
  let used = 0;
  let level = 0;
  let before = 0;
  for (const { time, change } of events) {
    hours += level * (time - before);
    before = time;
    used += change;
    const next = Math.ceil(used / cpus - 1e-9);
    for (; level < next; level++) {
      const since = emptySince[level];
      hours += Math.min(leastBootHours, since === undefined ? Number.POSITIVE_INFINITY : time - since);
    }
    for (; level > next; level--) emptySince[level - 1] = time;
  }
  return hours;
}
