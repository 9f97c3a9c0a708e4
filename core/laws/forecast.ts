import { place, total, type Resources, type Shape } from "../packing.ts";
import { arrivalRate, crowdRate, type Arrivals } from "./arrivals.ts";
import { bootDelay, type BootDelays } from "./boot-delay.ts";
import type { Drained } from "./drain.ts";
import type { Group, Limits, MachineSeen, Observation, Order } from "./law.ts";
import { cheapest, packOnOffers, share, usedShare } from "./offers.ts";
import { groupHazard, hazardOf, stayChance, survival, type RunTimes } from "./run-times.ts";

/** What a forecast rests on. */
export type Known = {
  readonly runTimes: RunTimes;
  readonly arrivals: Arrivals;
  readonly boots: BootDelays;
  readonly meanShare: number;
  readonly gateHours: number;
};

/** The part of a machine that a job takes on its cheapest offer. */
export function shareOf(job: Shape, { offers }: Limits): number {
  const offer = offers[cheapest(job, offers) ?? -1];
  return offer === undefined ? 0 : share(job, offer.machine);
}

/** Machines that the jobs waiting and at work on lasting machines fill. */
export function needed(seen: Observation, known: Known, limits: Limits): number {
  const boot = bootDelay(known.boots).mean;
  let machines = seen.waiting.reduce((sum, shape) => sum + shape.count * shareOf(shape, limits), 0);
  for (const one of seen.machines) {
    if (one.released || one.joined === undefined) continue;
    if (leaseLeft(one, seen.now) - boot < known.gateHours) continue;
    const size = limits.offers[one.offer]?.machine;
    if (size !== undefined) for (const job of one.jobs) machines += share(job.request, size);
  }
  return Math.ceil(machines - 1e-9);
}

const leaseLeft = (machine: MachineSeen, now: number): number => (machine.leaseEnd - now) / 3600;

/** In machines, unless a name says otherwise. */
export type Forecast = {
  /** Jobs that wait, those that a lease's end puts back within a boot, and those that come within it. */
  readonly demand: number;
  readonly waitingJobs: number;
  /** Free after a boot on lasting machines: what is free now and what becomes so. */
  readonly supply: number;
  /** The part that becomes free. */
  readonly freed: number;
  readonly inFlight: number;
  readonly lasting: number;
  /** Standard deviation of the balance after a boot. */
  readonly deviation: number;
  /** Jobs per hour. */
  readonly arrivals: number;
  readonly bootHours: number;
  /** Lasting and empty, longest idle first. */
  readonly idle: readonly MachineSeen[];
  /** Empty, and too late in their lease for a job. */
  readonly spent: readonly MachineSeen[];
  /** Orders for the waiting jobs that neither what is free nor what is in flight will hold. */
  readonly orders: readonly Order[];
  /** Shares of those jobs. */
  readonly unplaced: number;
  readonly unplacedJobs: number;
  readonly drained: readonly Drained[];
  readonly busy: readonly Drained[];
};

/** Supply and demand after a boot. */
export function forecast(seen: Observation, known: Known, limits: Limits): Forecast {
  const { now, machines, waiting } = seen;
  const { mean: bootHours, late } = bootDelay(known.boots);
  const all = survival(known.runTimes.all);
  const stay = stays(known.runTimes, bootHours);
  const usual = arrivalRate(known.arrivals, limits.tickSeconds);
  const crowd = crowdRate(known.arrivals, limits.tickSeconds);
  // That a crowd goes on coming is believed as far as waiting is dear.
  const arrivals = usual + Math.max(0, crowd - usual) * (1 - 1 / Math.max(1, limits.waitValue)) ** 2;
  const comeAndStay = arrivals * all.integral(bootHours);

  let largest = 0;
  let demand = comeAndStay * known.meanShare;
  let waitingJobs = 0;
  for (const shape of waiting) {
    const each = shareOf(shape, limits);
    largest = Math.max(largest, each);
    demand += shape.count * each;
    waitingJobs += shape.count;
  }
  // What becomes free in pieces smaller than a job is of no use to it.
  const least = Math.min(...limits.offers.map(({ machine }) => 1 / machine.cpus));
  const splinter = Math.max(0, (largest || known.meanShare) - least);

  let variance = comeAndStay * known.meanShare;
  // Many short jobs come and go within a boot, and each moment of it counts: as many end as come, a random walk.
  const walk = crowd === 0 ? 0 : 2 * arrivals * bootHours * known.meanShare;
  let supply = 0;
  let freed = 0;
  let inFlight = 0;
  let lasting = 0;
  const idle: MachineSeen[] = [];
  const spent: MachineSeen[] = [];
  const open: Resources[] = [];
  const coming: Resources[] = [];
  const shareOn = rememberedShare();
  const drained: Drained[] = [];
  const busy: Drained[] = [];
  for (const one of machines) {
    const size = limits.offers[one.offer]?.machine;
    if (size === undefined) continue;
    const left = leaseLeft(one, now);
    if (one.joined === undefined) {
      if (one.released || (now - one.ordered) / 3600 > late) continue;
      inFlight++;
      coming.push(size);
      continue;
    }
    const lasts = left - bootHours >= known.gateHours;
    const free = 1 - usedShare(size, one.free);
    let gained = 0;
    if (lasts || left <= bootHours) {
      for (const { request, started, group } of one.jobs) {
        const part = shareOn(request, size);
        const p = stay(group, now - started);
        variance += p * (1 - p) * part;
        if (lasts) gained += (1 - p) * part;
        else demand += p * part;
      }
    }
    const provides = one.jobs.length === 0 ? free : Math.max(0, free + gained - splinter);
    if (one.released) {
      if (lasts) drained.push({ machine: one, provides });
      continue;
    }
    if (left >= known.gateHours && free > 0) open.push(one.free);
    else if (one.jobs.length === 0) spent.push(one);
    if (!lasts) continue;
    lasting++;
    supply += provides;
    freed += gained;
    if (one.jobs.length === 0) idle.push(one);
    else busy.push({ machine: one, provides });
  }
  const { left: unplaced } = waiting.length === 0 ? { left: [] } : place(waiting, [...open, ...coming]);
  return {
    demand,
    waitingJobs,
    supply,
    freed,
    inFlight,
    lasting,
    deviation: Math.sqrt(Math.max(variance, walk) * known.meanShare),
    arrivals,
    bootHours,
    idle: idle.sort((a, b) => (a.idleSince ?? now) - (b.idleSince ?? now)),
    spent,
    orders: packOnOffers(unplaced, limits.offers),
    unplaced: unplaced.reduce((sum, shape) => sum + shape.count * shareOf(shape, limits), 0),
    unplacedJobs: total(unplaced),
    drained,
    busy,
  };
}

/** By group, the chance that a job of an age (seconds) is still at work after so long. */
function stays(runTimes: RunTimes, hours: number): (group: Group, ageSeconds: number) => number {
  const all = hazardOf(runTimes.all);
  const tables = new Map<Group, (ageSeconds: number) => number>();
  // Jobs of a group often come together.
  let last: Group | undefined;
  let chance = stayChance(all, hours);
  return (group, ageSeconds) => {
    if (group !== last) {
      last = group;
      const known = tables.get(group);
      chance = known ?? stayChance(groupHazard(runTimes, group, all), hours);
      if (known === undefined) tables.set(group, chance);
    }
    return chance(ageSeconds);
  };
}

/** The share of the job before is often that of the next one too. */
function rememberedShare(): typeof share {
  let job: Resources | undefined;
  let machine: Resources | undefined;
  let part = 0;
  return (nextJob, nextMachine) => {
    if (nextJob !== job || nextMachine !== machine) {
      [job, machine] = [nextJob, nextMachine];
      part = share(job, machine);
    }
    return part;
  };
}
