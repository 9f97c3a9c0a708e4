import type { Instance } from "./instance.ts";
import { orderTime } from "./order-time.ts";
import { plural } from "./plural.ts";
import type { AnnexSlot, Member } from "./supply.ts";
import { TAG } from "./tags.ts";
import { formatDuration, type UnixTime } from "./time.ts";
import { finite, list, numbers, record, text } from "./untrusted.ts";

/** An order of which nothing came to work. */
export type FailedOrder = {
  readonly order: string;
  readonly orderedAt: UnixTime;
  /** When that was noticed. */
  readonly noticed: UnixTime;
};

/** What the breaker keeps. Without it, it goes by the instances that EC2 still shows, which it does for an hour. */
export type BreakerMemory = {
  /** In a row, by the time of the order. */
  readonly failed: readonly FailedOrder[];
  /** Orders of which an instance has come to work, as long as EC2 shows one. */
  readonly proven: readonly string[];
  /** Since when each instance is in the pool of which that is not decided. */
  readonly joinedAt: Readonly<Record<string, UnixTime>>;
  /** What the node said that failed last, as far as it could. */
  readonly reason?: string;
};

export const NO_FAILURES: BreakerMemory = { failed: [], proven: [], joinedAt: {} };

export function parseBreaker(found: unknown): BreakerMemory {
  const { failed, proven, joinedAt, reason } = record(found);
  const why = text(reason);
  return {
    failed: list(failed, (one) => {
      const entry = record(one);
      const [order, orderedAt, noticed] = [
        text(entry["order"]),
        finite(entry["orderedAt"]),
        finite(entry["noticed"]),
      ];
      return order === undefined || orderedAt === undefined || noticed === undefined
        ? undefined
        : { order, orderedAt, noticed };
    }).slice(-REMEMBERED),
    proven: list(proven, text),
    joinedAt: numbers(joinedAt),
    ...(why !== undefined && { reason: why }),
  };
}

export type Breaker = {
  readonly state: "closed" | "open" | "half-open";
  /** Instances that an order may have now; undefined is no limit. */
  readonly admits: number | undefined;
  /** Until when nothing is ordered, while it is open. */
  readonly until?: UnixTime;
  readonly failures: number;
  readonly reason?: string;
};

const FAILURES_TO_OPEN = 3;
const FIRST_PAUSE_SECONDS = 600;
const LONGEST_PAUSE_SECONDS = 4 * 3600;
/** A node that has been in the pool for so long has shown that it boots and stays, whether it had a job or not. */
const SETTLED_SECONDS = 120;
/** How long a life may have been that nobody remembers and that ended by itself, to count as a boot that failed. */
const SHORT_LIFE_SECONDS = 900;
/** More than these change nothing. */
const REMEMBERED = 8;

export type BreakerFacts = {
  /** The annex's, terminated ones included. */
  readonly instances: readonly Instance[];
  readonly members: readonly Member[];
  /** They tell when the daemons of a node started. */
  readonly slots: readonly AnnexSlot[];
  /** How long a node may be idle before it ends itself. */
  readonly idleSeconds: number;
  readonly now: UnixTime;
};

/**
 * What has become of the orders since the last look, and how many instances have not shown yet what will become of them.
 * Any order counts, whoever placed it.
 */
export function judge(
  before: BreakerMemory,
  facts: BreakerFacts,
): { readonly memory: BreakerMemory; readonly undecided: number } {
  const { now } = facts;
  const orders = Map.groupBy(
    facts.instances.filter((one) => one.tags[TAG.probe] === undefined),
    (one) => one.tags[TAG.order] ?? "",
  );
  const members = new Map(facts.members.map((one) => [one.id, one]));
  const joinedAt = joinTimes(before.joinedAt, facts);
  const proven: string[] = [];
  const failed = new Map(before.failed.map((one) => [one.order, one]));
  let workedAt = Number.NEGATIVE_INFINITY;
  let undecided = 0;
  for (const [order, instances] of orders) {
    const orderedAt = Math.min(...instances.map(orderTime));
    const outcomes = instances.map((one) => outcome(one, members.get(one.id), joinedAt[one.id], facts));
    if (before.proven.includes(order) || outcomes.includes("worked")) {
      proven.push(order);
      workedAt = Math.max(workedAt, orderedAt);
      continue;
    }
    const open = outcomes.filter((one) => one === "open").length;
    undecided += open;
    if (open === 0 && outcomes.includes("failed") && !failed.has(order)) {
      failed.set(order, { order, orderedAt, noticed: now });
    }
  }
  const inARow = [...failed.values()]
    .filter(({ order, orderedAt }) => orderedAt > workedAt && !proven.includes(order))
    // A time to come is one of a clock that was wrong.
    .map((one) => ({ ...one, noticed: Math.min(one.noticed, now) }))
    .sort((a, b) => a.orderedAt - b.orderedAt)
    .slice(-REMEMBERED);
  return {
    memory: {
      failed: inARow,
      proven,
      joinedAt,
      ...(inARow.length > 0 && before.reason !== undefined && { reason: before.reason }),
    },
    undecided,
  };
}

/** Instances whose nodes may have reported why, of orders that have just been found to have failed. */
export function newlyFailed(
  before: BreakerMemory,
  after: BreakerMemory,
  instances: readonly Instance[],
): string[] {
  const known = new Set(before.failed.map(({ order }) => order));
  const fresh = new Set(after.failed.flatMap(({ order }) => (known.has(order) ? [] : [order])));
  return instances.filter((one) => fresh.has(one.tags[TAG.order] ?? "")).map(({ id }) => id);
}

function joinTimes(
  before: BreakerMemory["joinedAt"],
  { members, slots, now }: BreakerFacts,
): BreakerMemory["joinedAt"] {
  const started = new Map(slots.map(({ instanceId, startedAt }) => [instanceId, startedAt]));
  return Object.fromEntries(
    members
      .filter(({ progress }) => progress === "idle" || progress === "busy")
      .map(({ id }) => [id, Math.min(now, before[id] ?? started.get(id) ?? now)]),
  );
}

/** `open` while nobody can tell, `nothing` when somebody ended it before it could show anything. */
type Outcome = "worked" | "failed" | "open" | "nothing";

function outcome(
  instance: Instance,
  member: Member | undefined,
  joinedAt: UnixTime | undefined,
  { now, idleSeconds }: BreakerFacts,
): Outcome {
  switch (member?.progress) {
    case "draining":
      return member.claimed > 0 ? "worked" : "open";
    case "busy":
    case "idle": {
      const settled = Math.min(SETTLED_SECONDS, idleSeconds / 2);
      return member.released || now - (joinedAt ?? now) >= settled ? "worked" : "open";
    }
    case "in flight":
    case "lost":
      return "open";
    case "late":
      return "failed";
    case "ending":
    case undefined:
      break;
  }
  if (ENDED_BY_OTHERS.test(instance.endCode ?? "")) return "nothing";
  return (instance.ended ?? now) - instance.launched < SHORT_LIFE_SECONDS ? "failed" : "nothing";
}

/** A call of TerminateInstances, or EC2 that takes its spot capacity back; an unknown reason blames nobody. */
const ENDED_BY_OTHERS = /^($|Client\.UserInitiatedShutdown|Server\.SpotInstance)/;

/**
 * Whether to order: after some orders in a row of which nothing came to work no more, for a time that doubles with each
 * further failure; then one instance at a time until one has come to work. `undecided` are instances on their way.
 */
export function breaker({ failed, reason }: BreakerMemory, undecided: number, now: UnixTime): Breaker {
  const failures = failed.length;
  const told = { failures, ...(reason !== undefined && { reason }) };
  if (failures < FAILURES_TO_OPEN) return { state: "closed", admits: undefined, ...told };
  const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (failures - FAILURES_TO_OPEN));
  const until = Math.max(...failed.map(({ noticed }) => noticed)) + pause;
  if (now < until) return { state: "open", admits: 0, until, ...told };
  return { state: "half-open", admits: undecided > 0 ? 0 : 1, ...told };
}

/** For people: why less is ordered than is needed. */
export function breakerReason({ state, failures, until, reason }: Breaker, now: UnixTime): string {
  const row = `of the last ${failures} ${plural(failures, "order")} no instance came to work`;
  const next =
    state === "open"
      ? `one instance is tried in ${formatDuration(Math.max(0, (until ?? now) - now))}`
      : "one instance is tried at a time";
  return [row, ...(reason === undefined ? [] : [`the last node said ${reason}`]), next].join("; ");
}
