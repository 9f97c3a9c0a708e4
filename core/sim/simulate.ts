import { at } from "../at.ts";
import type { AnyLaw, Limits, Observation, Wish } from "../laws/law.ts";
import type { Shape } from "../packing.ts";
import { lastStretch } from "../last-stretch.ts";
import { occupy } from "./machines.ts";
import { negotiate } from "./negotiate.ts";
import type { Plant } from "./plant.ts";
import { report, type Report } from "./tally.ts";
import type { Workload } from "./workload.ts";
import {
  account,
  begin,
  compact,
  end,
  endOfJob,
  EVENT,
  order,
  settle,
  submit,
  world,
  type World,
} from "./world.ts";

/** A run is given up so long after the last submission; with instances kept warm it ends so long after the last job. */
const MOST_DRAIN_SECONDS = 60 * 86400;
const KEPT_WARM_SECONDS = 3600;

export type Watch = {
  /** After each tick; for progress and for tests. */
  tick?(observation: Observation, wish: Wish<unknown>): void;
};

/**
 * Runs the jobs under a law until all are done. The same arguments give the same report, and the n-th launch meets the
 * same fate under every law of a seed.
 */
export function simulate(jobs: Workload, plant: Plant, law: AnyLaw, seed: number, watch: Watch = {}): Report {
  const w = world(jobs, plant, seed, law.idleSeconds ?? plant.idleSeconds);
  const { events } = w;
  const limits = limitsOf(plant);
  const lastSubmission = at(jobs.submitted, jobs.count - 1);
  const { refuse } = lastStretch(plant.drainSeconds, plant.leaseSeconds);
  let memory: unknown = law.initial;
  let next = 0;

  const tick = (): void => {
    compact(w.machines);
    const observation = observe(w);
    const wish = law.decide(observation, memory, limits) as Wish<unknown>;
    watch.tick?.(observation, wish);
    memory = wish.memory;
    w.refuseSeconds = Math.max(refuse, wish.refuseSeconds ?? 0);
    w.arrived.fill(0);
    w.completed = [];
    act(w, wish);
    if (w.now <= lastSubmission) countMachines(w);
  };

  events.push(0, EVENT.negotiation, 0, 0);
  events.push(0, EVENT.tick, 0, 0);
  for (;;) {
    const submission = next < jobs.count ? at(jobs.submitted, next) : Number.POSITIVE_INFINITY;
    if (submission <= events.time) {
      w.now = submission;
      submit(w, next++);
      continue;
    }
    if (next >= jobs.count && w.tally.completed >= w.expected) {
      const empty = w.machines.every((one) => one.ended);
      if (empty || events.time > Math.max(w.lastDone, lastSubmission) + KEPT_WARM_SECONDS) break;
    }
    if (events.time > lastSubmission + MOST_DRAIN_SECONDS) break;
    events.take();
    const { time, kind, subject, version } = events.taken;
    w.now = time;
    if (kind === EVENT.endOfJob) endOfJob(w, subject, version);
    else if (kind === EVENT.negotiation) {
      cycle(w);
      events.push(time + plant.negotiationSeconds, EVENT.negotiation, 0, 0);
    } else if (kind === EVENT.tick) {
      tick();
      events.push(time + plant.tickSeconds, EVENT.tick, 0, 0);
    } else befall(w, kind, subject, version);
  }
  return conclude(w);
}

function limitsOf(plant: Plant): Limits {
  return {
    offers: plant.offers.map(({ machine, price }) => ({ machine, price, room: plant.maxInstances })),
    maxInstances: plant.maxInstances,
    maxOrder: plant.maxOrder,
    leaseSeconds: plant.leaseSeconds,
    tickSeconds: plant.tickSeconds,
    waitValue: plant.waitValue,
    warmInstances: plant.warmInstances,
  };
}

function observe({ now, machines, queue, jobs, arrived, completed }: World): Observation {
  const waiting = queue.clusters.flatMap((cluster) => {
    const first = queue.first(cluster);
    if (first === undefined) return [];
    const { request, group } = cluster;
    const count = cluster.waiting.length - cluster.head;
    return [{ ...request, group, count, oldest: at(jobs.submitted, first) }];
  });
  const shapes = arrived.flatMap((count, i): Shape[] => {
    const request = jobs.requests[i];
    return count === 0 || request === undefined ? [] : [{ ...request, count }];
  });
  return { now, waiting, machines, arrived: shapes, completed };
}

function act(w: World, wish: Wish<unknown>): void {
  for (const id of wish.withdraw ?? []) {
    const machine = w.byId[id];
    if (machine === undefined || machine.ended || !machine.released) continue;
    machine.released = false;
    w.tally.withdrawals++;
  }
  for (const id of wish.release) {
    const machine = w.byId[id];
    if (machine === undefined || machine.ended || machine.released) continue;
    machine.released = true;
    w.tally.releases++;
    settle(w, machine);
  }
  let room = w.plant.maxInstances - w.machines.reduce((sum, one) => sum + (one.ended ? 0 : 1), 0);
  for (const { offer, count } of wish.order) {
    const some = Math.max(0, Math.min(count, room, w.plant.maxOrder));
    room -= some;
    order(w, offer, some);
  }
}

function cycle(w: World): void {
  negotiate(w.queue, w.machines, w.now, w.refuseSeconds, (machine, cluster) => {
    occupy(machine, cluster.request);
    begin(w, machine, cluster, w.now);
  });
}

/** What happens to a machine. */
function befall(w: World, kind: number, id: number, version: number): void {
  const machine = w.byId[id];
  if (machine === undefined || machine.ended) return;
  switch (kind) {
    case EVENT.join:
      machine.joined = w.now;
      settle(w, machine);
      break;
    case EVENT.endOfMachine:
      end(w, machine);
      break;
    case EVENT.notice:
      w.tally.reclaims++;
      machine.doomed = true;
      w.events.push(w.now + w.plant.noticeSeconds, EVENT.endOfMachine, machine.id, 0);
      break;
    case EVENT.idleForLong:
      if (machine.idleSince !== undefined && machine.spell === version) end(w, machine);
      break;
  }
}

function countMachines({ machines, tally }: World): void {
  const { length } = machines;
  tally.ticks++;
  tally.sum += length;
  tally.sumOfSquares += length * length;
  tally.most = Math.max(tally.most, length);
}

function conclude(w: World): Report {
  for (const machine of w.machines) if (!machine.ended) account(w, machine);
  for (const job of w.queue.left()) w.waits[job] = at(w.waits, job) + w.now - at(w.idleSince, job);
  return report({
    tally: w.tally,
    prices: w.plant.offers.map(({ price }) => price),
    waits: w.waits.filter((_, job) => w.admitted[job] === 1),
    excluded: w.excluded,
    jobs: w.jobs.count,
    now: w.now,
  });
}
