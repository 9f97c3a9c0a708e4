import { learnArrivals } from "./arrivals.ts";
import { bootDelay, learnBootDelays } from "./boot-delay.ts";
import { racers } from "./boot-race.ts";
import { drainCandidates } from "./drain.ts";
import { forecast, needed, shareOf, type Forecast } from "./forecast.ts";
import { keepMinutes, learnGaps, peak } from "./keep-warm.ts";
import type { Law, Limits, Observation, Order, Wish } from "./law.ts";
import { leaseGate } from "./lease-gate.ts";
import { cutOrders } from "./offers.ts";
import { learnRunTimes, survival } from "./run-times.ts";
import { total } from "../packing.ts";
import { NO_WAIT_VALUE_MEMORY, type WaitValueMemory } from "./wait-value-memory.ts";

const REFIT_LOOKS = 15;
/** One more in the race must save so many times what it costs: jobs that end meanwhile often free a place first. */
const RACE_MARGIN = 2;
/** Draining pays for machines of several jobs, where waiting is cheap. */
const DRAINED_SLOTS = 1.5;
const DRAIN_VALUE = 1.5;
const LEAST_VALUE = 0.01;
/** A job that has waited for so long is served even if that does not pay. */
const LONGEST_WAIT_SECONDS = 1800;

/**
 * Our law. Hours of waiting are worth `waitValue` machine-hours. It orders what the waiting jobs need beyond what will
 * be free within a boot; keeps spares where waiting is dear; lets idle instances go when keeping them has not paid; and
 * starts no job that would probably be cut off by the lease's end (docs/laws.md).
 */
export const waitValue: Law<WaitValueMemory> = {
  name: "updraft",
  source: "docs/laws.md",
  simplified: "",
  initial: NO_WAIT_VALUE_MEMORY,
  idleSeconds: Number.POSITIVE_INFINITY,
  decide(seen, before, limits) {
    const known = learn(seen, before, limits);
    const world = forecast(seen, known, limits);
    const wish = choose(seen, known, world, limits);
    return { ...wish, refuseSeconds: known.gateHours * 3600, memory: known };
  },
};

function learn(seen: Observation, before: WaitValueMemory, limits: Limits): WaitValueMemory {
  const { now, machines, arrived } = seen;
  const { tickSeconds } = limits;
  let count = 0;
  let shares = 0;
  for (const shape of arrived) {
    count += shape.count;
    shares += shape.count * shareOf(shape, limits);
  }
  const meanShare =
    count === 0
      ? before.meanShare
      : before.meanShare === 0
        ? shares / count
        : before.meanShare + (shares / count - before.meanShare) * Math.min(1, count * 0.02);
  // Where nodes have a start gate of their own, forecasts go by that.
  const nodesGate = limits.refuseSeconds === undefined ? undefined : limits.refuseSeconds / 3600;
  const known = {
    ...before,
    gateHours: nodesGate ?? before.gateHours,
    runTimes: learnRunTimes(before.runTimes, seen, tickSeconds),
    arrivals: learnArrivals(before.arrivals, count, tickSeconds),
    boots: learnBootDelays(before.boots, machines, now, tickSeconds),
    meanShare,
    looks: before.looks + 1,
  };
  const gaps = learnGaps(before.gaps, needed(seen, known, limits), now, tickSeconds);
  if (before.looks % REFIT_LOOKS !== 0) return { ...known, gaps };
  const boot = bootDelay(known.boots).mean;
  const slots = Math.max(1, Math.round(1 / (meanShare || 1)));
  return {
    ...known,
    gaps,
    gateHours: nodesGate ?? leaseGate(survival(known.runTimes.all), limits.leaseSeconds / 3600, slots, boot),
    keepMinutes: keepMinutes(gaps, now, boot * 60),
  };
}

function choose(
  seen: Observation,
  known: WaitValueMemory,
  w: Forecast,
  limits: Limits,
): Omit<Wish<WaitValueMemory>, "memory"> {
  const value = Math.max(LEAST_VALUE, limits.waitValue);
  const slots = 1 / (known.meanShare || 1);
  const logValue = Math.log10(value * Math.sqrt(slots));
  // Fitted on tuning seeds by the reference (law FB): how much lack to bear or spare to have, in standard deviations.
  const bear = 0.5 - 1.5 * logValue;
  const keep = 0.5 + logValue;
  const lack = w.demand - w.supply - w.inFlight;
  const tick = limits.tickSeconds / 3600;
  // Machines asked for in the time that one which is missing costs: below one, none is worth keeping.
  const pace = w.arrivals * known.meanShare * (w.bootHours + value * (w.bootHours + tick));

  const need = total(w.orders);
  // A forecast of what becomes free may be wrong altogether, and the dearer waiting is the less it counts.
  const cautious = lack + w.freed * (1 - Math.min(1, 1 / value)) - Math.max(0, bear) * w.deviation;
  const forWaiting = need > 0 && cautious > 0 ? Math.min(need, Math.ceil(cautious - 1e-9)) : 0;
  const spare =
    limits.spares && bear < 0 && pace >= 1 ? Math.max(0, Math.round(lack - bear * w.deviation)) : 0;
  const live = w.lasting + w.inFlight;
  const warm = Math.max(0, limits.warmInstances - live);
  let wanted = Math.max(forWaiting, spare, warm);
  if (wanted === 0 && w.inFlight === 0 && starved(seen) && need > 0) wanted = 1;

  const beyond = Math.max(0, Math.max(spare, warm) - need);
  const { withdraw, gained } = drainCandidates.withdraw(w.drained, w.unplaced + beyond);
  const rest = gained >= w.unplaced + beyond ? 0 : Math.max(0, Math.ceil(wanted - gained - 1e-9));
  const filled = fill(w.orders, rest, Math.min(rest, beyond), seen, limits);
  const race = limits.spares ? racing(filled, Math.max(0, lack) / Math.max(1, rest), w, known, limits) : [];
  const orders = cutOrders(
    [...filled, ...race],
    Math.min(limits.maxOrder, limits.maxInstances - seen.machines.length),
    limits.offers,
  );
  const release = w.spent.map(({ id }) => id);
  let released = 0;
  if (wanted === 0 && withdraw.length === 0) {
    const spareKept = pace < 1 ? 0 : Math.min(Math.max(1, keep * w.deviation), Math.sqrt(2 * pace));
    const most = Math.min(
      Math.round(-lack - spareKept),
      live - peak(known.gaps, seen.now, known.keepMinutes),
      live - limits.warmInstances,
    );
    released = Math.min(w.idle.length, Math.max(0, most));
    release.push(...w.idle.slice(0, released).map(({ id }) => id));
    if (slots >= DRAINED_SLOTS && value <= DRAIN_VALUE)
      release.push(...drainCandidates.release(w.busy, most - w.inFlight - w.idle.length));
  }
  return {
    order: orders,
    release,
    withdraw,
    reason: explain(w, {
      need,
      wanted,
      spare,
      race: total(race),
      kept: w.waitingJobs === 0 ? w.idle.length - released : 0,
    }),
  };
}

function starved({ waiting, now }: Observation): boolean {
  return waiting.some(({ oldest }) => now - oldest > LONGEST_WAIT_SECONDS);
}

/** As many as wanted: those for the jobs that wait, and beyond them of the offer that was ordered last. */
function fill(
  orders: readonly Order[],
  wanted: number,
  beyond: number,
  seen: Observation,
  limits: Limits,
): Order[] {
  const cut = cutOrders(orders, wanted - beyond, limits.offers);
  if (beyond === 0) return cut;
  const last = seen.machines.at(-1)?.offer;
  const offer = last !== undefined && (limits.offers[last]?.room ?? 0) >= 1 ? last : cheapestOffer(limits);
  return [...cut, { offer, count: beyond }];
}

function cheapestOffer({ offers }: Limits): number {
  const open = [...offers.entries()].filter(([, { room }]) => room >= 1);
  return open.sort(([, a], [, b]) => a.price - b.price)[0]?.[0] ?? 0;
}

/** More of the same, as far as the jobs gain by it that will still wait after a boot: that share of the orders. */
function racing(
  orders: readonly Order[],
  share: number,
  w: Forecast,
  { boots }: WaitValueMemory,
  { waitValue, tickSeconds, offers }: Limits,
): readonly Order[] {
  const jobsEach = w.unplacedJobs / Math.max(1, total(w.orders));
  const hours = RACE_MARGIN * (w.bootHours + tickSeconds / 3600);
  return orders.flatMap(({ offer, count: ordered }) => {
    const price = (offers[offer]?.price ?? 0) / (offers[0]?.price || 1);
    const lacking = Math.round(ordered * Math.min(1, share));
    const more = racers(boots, lacking, waitValue * jobsEach, price * hours);
    return more === 0 ? [] : [{ offer, count: more }];
  });
}

/** What numbers of jobs and instances do not tell by themselves. */
function explain(
  w: Forecast,
  p: {
    readonly need: number;
    readonly wanted: number;
    readonly spare: number;
    readonly race: number;
    readonly kept: number;
  },
): string {
  const minutes = Math.round(w.bootHours * 60);
  const parts: string[] = [];
  if (w.freed >= 0.5) parts.push(`jobs that end within ${minutes} min free ${w.freed.toFixed(1)}`);
  if (p.need > 0 && p.wanted === 0) parts.push("the waiting jobs will start sooner than an instance boots");
  if (p.spare > p.need) parts.push(`${p.spare - p.need} as a reserve for jobs to come`);
  if (p.race > 0) parts.push(`${p.race} more because boots differ: the first to join take the jobs`);
  if (p.kept > 0) parts.push(`${p.kept} idle kept for jobs to come`);
  return parts.join(", ");
}
