import { at } from "../at.ts";
import type { Completed } from "../laws/law.ts";
import { eventQueue, type EventQueue } from "./event-queue.ts";
import { accepts, holds, launch, vacate, type SimMachine, type Work } from "./machines.ts";
import { fate, type Plant } from "./plant.ts";
import { jobQueue, type Cluster, type JobQueue } from "./queue.ts";
import { tally, type Tally } from "./tally.ts";
import type { Workload } from "./workload.ts";

/** Kinds of events; at one time they happen in this order. */
export const EVENT = {
  endOfJob: 0,
  join: 1,
  notice: 2,
  endOfMachine: 3,
  idleForLong: 4,
  negotiation: 5,
  tick: 6,
} as const;

/** Queue, machines and what has been counted; changed as events happen. */
export type World = {
  readonly jobs: Workload;
  readonly plant: Plant;
  readonly seed: number;
  readonly idleLimit: number;
  readonly events: EventQueue;
  readonly queue: JobQueue;
  /** Those alive, and now and then some that have just ended. */
  readonly machines: SimMachine[];
  readonly byId: SimMachine[];
  /** Alive by offer. */
  readonly alive: number[];
  readonly runsOn: Map<number, SimMachine>;
  readonly tally: Tally;
  /** By job: seconds still to run, seconds waited, since when it is idle, how often it started or was evicted, and whether it was let in. */
  readonly toRun: Float64Array;
  readonly waits: Float64Array;
  readonly idleSince: Float64Array;
  readonly version: Int32Array;
  readonly admitted: Uint8Array;
  readonly servable: readonly boolean[];
  readonly excluded: { tooLarge: number; tooLong: number };
  /** By request, since the last tick. */
  readonly arrived: number[];
  completed: Completed[];
  refuseSeconds: number;
  expected: number;
  now: number;
  lastDone: number;
};

export function world(jobs: Workload, plant: Plant, seed: number, idleLimit: number): World {
  return {
    jobs,
    plant,
    seed,
    idleLimit,
    events: eventQueue(),
    queue: jobQueue(jobs),
    machines: [],
    byId: [],
    alive: plant.offers.map(() => 0),
    runsOn: new Map(),
    tally: tally(plant.offers.length),
    toRun: plant.resumes ? jobs.runSeconds.slice() : jobs.runSeconds,
    waits: new Float64Array(jobs.count),
    idleSince: new Float64Array(jobs.count),
    version: new Int32Array(jobs.count),
    admitted: new Uint8Array(jobs.count),
    servable: jobs.requests.map((request) => plant.offers.some(({ machine }) => holds(machine, request))),
    excluded: { tooLarge: 0, tooLong: 0 },
    arrived: jobs.requests.map(() => 0),
    completed: [],
    refuseSeconds: 0,
    expected: 0,
    now: 0,
    lastDone: 0,
  };
}

/** A job comes into the queue, unless no machine could hold it or finish it within a lease. */
export function submit(w: World, job: number): void {
  const { plant } = w;
  const request = at(w.jobs.request, job);
  if (w.servable[request] !== true) {
    w.excluded.tooLarge++;
    return;
  }
  if (at(w.jobs.runSeconds, job) > plant.leaseSeconds - plant.spinUp.most - plant.negotiationSeconds) {
    w.excluded.tooLong++;
    return;
  }
  w.expected++;
  w.admitted[job] = 1;
  w.idleSince[job] = w.now;
  w.arrived[request] = at(w.arrived, request) + 1;
  w.queue.add(job);
}

/** The first job of a cluster starts on a claim, whose place is already taken. */
export function begin(w: World, machine: SimMachine, cluster: Cluster, claimed: number): void {
  const job = w.queue.take(cluster);
  w.waits[job] = at(w.waits, job) + w.now - at(w.idleSince, job);
  const version = at(w.version, job) + 1;
  w.version[job] = version;
  machine.jobs.push({
    job,
    cluster: cluster.id,
    group: cluster.group,
    request: cluster.request,
    started: w.now,
    claimed,
    version,
  });
  machine.idleSince = undefined;
  w.runsOn.set(job, machine);
  w.events.push(w.now + at(w.toRun, job), EVENT.endOfJob, job, version);
}

/** The claim takes the next job of its user at once, if there is one and it may start there. */
export function endOfJob(w: World, job: number, version: number): void {
  const machine = w.runsOn.get(job);
  if (machine === undefined || w.version[job] !== version) return;
  w.runsOn.delete(job);
  const [work] = machine.jobs.splice(
    machine.jobs.findIndex((one) => one.job === job),
    1,
  );
  const cluster = w.queue.clusters[work?.cluster ?? -1];
  if (work === undefined || cluster === undefined) throw new Error(`job ${job} runs nowhere`);
  w.tally.completed++;
  w.tally.useful += (w.now - work.started) * work.request.cpus;
  w.completed.push({ group: work.group, seconds: w.now - work.started });
  w.lastDone = w.now;
  const reusable =
    w.queue.first(cluster) !== undefined &&
    w.now - work.claimed <= w.plant.claimWorklifeSeconds &&
    accepts(machine, w.now, w.refuseSeconds);
  if (reusable) {
    begin(w, machine, cluster, work.claimed);
    return;
  }
  vacate(machine, work.request);
  settle(w, machine);
}

/** A machine without a job ends if it was released, else its idle timer begins. */
export function settle(w: World, machine: SimMachine): void {
  if (machine.ended || machine.joined === undefined || machine.jobs.length > 0) return;
  if (machine.released) {
    end(w, machine);
    return;
  }
  machine.idleSince = w.now;
  machine.spell++;
  if (Number.isFinite(w.idleLimit)) {
    w.events.push(w.now + w.idleLimit, EVENT.idleForLong, machine.id, machine.spell);
  }
}

function evict(w: World, machine: SimMachine, work: Work): void {
  w.runsOn.delete(work.job);
  w.tally.evictions++;
  const ran = w.now - work.started;
  if (w.plant.resumes) {
    w.toRun[work.job] = at(w.toRun, work.job) - ran;
    w.tally.useful += ran * work.request.cpus;
  } else w.tally.lost += ran * work.request.cpus;
  w.version[work.job] = at(w.version, work.job) + 1;
  w.idleSince[work.job] = w.now;
  w.queue.putBack(work.job, work.cluster);
  vacate(machine, work.request);
}

export function end(w: World, machine: SimMachine): void {
  if (machine.ended) return;
  for (const work of machine.jobs) evict(w, machine, work);
  machine.jobs = [];
  machine.ended = true;
  account(w, machine);
  w.alive[machine.offer] = at(w.alive, machine.offer) - 1;
}

/** What a machine has cost until now. */
export function account({ plant, now, tally }: World, machine: SimMachine): void {
  const cpus = at(plant.offers, machine.offer).machine.cpus;
  const paid = now - machine.ordered;
  tally.machineSeconds[machine.offer] = at(tally.machineSeconds, machine.offer) + paid;
  tally.paidCpu += paid * cpus;
  tally.bootCpu += ((machine.joined ?? now) - machine.ordered) * cpus;
}

/** Launches as many as EC2 has. */
export function order(w: World, offer: number, count: number): void {
  const { plant, now } = w;
  const kind = plant.offers[offer];
  if (kind === undefined) throw new Error(`there is no offer ${offer}`);
  for (let i = 0; i < count; i++) {
    if (at(w.alive, offer) >= (kind.capacity?.(now) ?? Number.POSITIVE_INFINITY)) {
      w.tally.refused += count - i;
      return;
    }
    const machine = launch(w.byId.length, offer, kind.machine, now, plant.leaseSeconds);
    w.machines.push(machine);
    w.byId.push(machine);
    w.alive[offer] = at(w.alive, offer) + 1;
    w.tally.launches++;
    const { spinUp, reclaim } = fate(plant, kind, w.seed, machine.id);
    w.events.push(machine.leaseEnd, EVENT.endOfMachine, machine.id, 0);
    if (Number.isFinite(spinUp)) w.events.push(now + spinUp, EVENT.join, machine.id, 0);
    else {
      w.tally.failedBoots++;
      w.events.push(now + plant.failedBootSeconds, EVENT.endOfMachine, machine.id, 0);
    }
    if (now + reclaim < machine.leaseEnd) w.events.push(now + reclaim, EVENT.notice, machine.id, 0);
  }
}

/** Forgets those that have ended. */
export function compact(machines: SimMachine[]): void {
  let kept = 0;
  for (const machine of machines) {
    if (!machine.ended) machines[kept++] = machine;
  }
  machines.length = kept;
}
