import type { Completed, MachineSeen, Observation, Offer, Running } from "./laws/law.ts";
import { smallest } from "./machine.ts";
import type { Resources, Shape } from "./packing.ts";
import type { Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";

/** What one look leaves to the next, so that a law can be told what has happened between them. */
export type Look = {
  readonly at: UnixTime;
  /** Usual seconds from one look to the next. */
  readonly period: number;
  /** Jobs that waited. */
  readonly waiting: number;
  /** Start and group of the jobs at work, by instance. */
  readonly running: Readonly<Record<string, readonly (readonly [started: UnixTime, group: string])[]>>;
};

/** HTCondor runs the hook every minute. */
const USUAL_PERIOD_SECONDS = 60;
const PERIOD_WEIGHT = 0.1;
const LEAST_PERIOD_SECONDS = 5;
/** After a longer pause nobody knows what has happened when. */
const LONGEST_PERIOD_SECONDS = 600;
/** Jobs at work that are remembered; of more, the ends of some are not learned from. */
const RUNNING_REMEMBERED = 5000;

/** A job of the annex that waits, as far as a law looks at it. */
export type WaitingShape = Shape & { readonly oldest: UnixTime };

export type Observed = {
  readonly seen: Observation;
  /** What may be ordered is the first; the others are what instances are that live. */
  readonly offers: readonly Offer[];
  readonly look: Look;
  /** Instance of each machine of the observation; undefined for one that EC2 does not show yet. */
  readonly instanceOf: (id: number) => string | undefined;
};

/**
 * Demand and supply as a law sees them. Instances that are late, lost or ending are not shown to it: nothing can be
 * expected of them. What came and what completed follows from the look before.
 */
export function observe(p: {
  readonly now: UnixTime;
  readonly waiting: readonly WaitingShape[];
  readonly members: readonly Member[];
  /** Instances of orders that EC2 does not show yet. */
  readonly unseen: number;
  /** What one further instance has; undefined when none is to be ordered. */
  readonly machine: Resources | undefined;
  readonly leaseSeconds: number;
  readonly idleSince: Readonly<Record<string, UnixTime>>;
  readonly before: Look | undefined;
}): Observed {
  const { now, members } = p;
  const before = usable(p.before, now);
  const shown = members.filter((one) => ["in flight", "idle", "busy"].includes(one.progress));
  const sizes = [p.machine ?? smallest(shown.flatMap(({ size }) => size ?? [])) ?? ONE_CPU];
  const machines: MachineSeen[] = shown.map((one, id) => ({
    id,
    offer: one.size === undefined ? 0 : indexOf(sizes, one.size),
    ordered: one.launched,
    joined: one.progress === "in flight" ? undefined : joinedAt(one, before, now),
    leaseEnd: one.leaseEnd ?? one.launched + p.leaseSeconds,
    free: sum(one.free),
    jobs: one.jobs,
    idleSince: one.progress === "idle" ? (p.idleSince[one.id] ?? now) : undefined,
    released: one.released,
  }));
  for (let i = 0; i < p.unseen; i++) machines.push(unseenMachine(shown.length + i, sizes[0] ?? ONE_CPU, p));
  const started = shown.flatMap(({ jobs }) =>
    jobs.filter((job) => before !== undefined && job.started > before.at),
  );
  const waiting = p.waiting.reduce((total, { count }) => total + count, 0);
  return {
    offers: sizes.map((machine, i) => ({
      machine,
      price: 1,
      room: i === 0 && p.machine !== undefined ? Number.POSITIVE_INFINITY : 0,
    })),
    seen: {
      now,
      waiting: p.waiting.map((shape) => ({ ...shape, group: "" })),
      machines,
      arrived:
        before === undefined ? [] : arrivals(p.waiting, waiting + started.length - before.waiting, started),
      completed: before === undefined ? [] : completions(before, shown, now),
    },
    look: { at: now, period: periodAfter(p.before, now), waiting, running: remembered(shown) },
    instanceOf: (id) => shown[id]?.id,
  };
}

/** Stands for an instance where there is none and none is to be ordered. */
const ONE_CPU: Resources = { cpus: 1, memory: 1024, disk: Number.POSITIVE_INFINITY, gpus: 0 };

function indexOf(sizes: Resources[], size: Resources): number {
  const found = sizes.findIndex(
    ({ cpus, memory, disk, gpus }) =>
      cpus === size.cpus && memory === size.memory && disk === size.disk && gpus === size.gpus,
  );
  return found >= 0 ? found : sizes.push(size) - 1;
}

function usable(before: Look | undefined, now: UnixTime): Look | undefined {
  return before !== undefined && before.at < now && now - before.at <= LONGEST_PERIOD_SECONDS
    ? before
    : undefined;
}

function periodAfter(before: Look | undefined, now: UnixTime): number {
  const known = before?.period ?? USUAL_PERIOD_SECONDS;
  const last = usable(before, now);
  const period = last === undefined ? known : known + PERIOD_WEIGHT * (now - last.at - known);
  return Math.max(LEAST_PERIOD_SECONDS, period);
}

const LONG_AGO: UnixTime = 0;

/** One that had no slots at the last look has joined since. */
function joinedAt({ id }: Member, before: Look | undefined, now: UnixTime): UnixTime {
  return before !== undefined && before.running[id] === undefined ? now : LONG_AGO;
}

function sum(free: readonly Resources[]): Resources {
  return free.reduce(
    (all, one) => ({
      cpus: all.cpus + one.cpus,
      memory: all.memory + one.memory,
      disk: all.disk + one.disk,
      gpus: all.gpus + one.gpus,
    }),
    { cpus: 0, memory: 0, disk: 0, gpus: 0 },
  );
}

function unseenMachine(
  id: number,
  machine: Resources,
  { now, leaseSeconds }: { now: UnixTime; leaseSeconds: number },
): MachineSeen {
  return {
    id,
    offer: 0,
    ordered: now,
    joined: undefined,
    leaseEnd: now + leaseSeconds,
    free: machine,
    jobs: [],
    idleSince: undefined,
    released: false,
  };
}

/** So many jobs as came, of the shapes that wait and that have just started: nobody watched them come. */
function arrivals(waiting: readonly Shape[], came: number, started: readonly Running[]): Shape[] {
  let left = came;
  const shapes = [...started.map(({ request }) => ({ ...request, count: 1 })), ...waiting];
  return shapes.flatMap((shape) => {
    const count = Math.min(shape.count, left);
    left -= count;
    return count > 0 ? [{ ...shape, count }] : [];
  });
}

/** Jobs that were at work on an instance that lives on and are so no more; when between two looks they ended nobody saw. */
function completions(before: Look, shown: readonly Member[], now: UnixTime): Completed[] {
  return shown.flatMap(({ id, jobs }) => {
    const still = jobs.map(({ started, group }) => `${started} ${group}`);
    return (before.running[id] ?? []).flatMap(([started, group]) => {
      const place = still.indexOf(`${started} ${group}`);
      if (place >= 0) {
        still.splice(place, 1);
        return [];
      }
      return [{ group, seconds: Math.max(1, (before.at + now) / 2 - started) }];
    });
  });
}

function remembered(shown: readonly Member[]): Look["running"] {
  let left = RUNNING_REMEMBERED;
  return Object.fromEntries(
    shown
      .filter((one) => one.progress !== "in flight")
      .map(({ id, jobs }) => {
        const kept = jobs.slice(0, left).map(({ started, group }) => [started, String(group)] as const);
        left -= kept.length;
        return [id, kept];
      }),
  );
}

/** A look as it came back from a file; what is not one of ours is none. */
export function readLook(found: unknown): Look | undefined {
  const { at, period, waiting, running } = record(found);
  if (![at, period, waiting].every((one) => typeof one === "number" && Number.isFinite(one)))
    return undefined;
  const instances = Object.entries(record(running));
  if (!instances.every(([, jobs]) => Array.isArray(jobs) && jobs.every(isStart))) return undefined;
  return { at, period, waiting, running: Object.fromEntries(instances) } as Look;
}

function isStart(found: unknown): boolean {
  return Array.isArray(found) && Number.isFinite(found[0]) && typeof found[1] === "string";
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
