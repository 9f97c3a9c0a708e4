import { leaseExpiration, UNREADABLE_LEASE_SECONDS } from "./lease.ts";
import { TAG, type Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** What a node knows of its own end. It outlives the program that learnt it, and the metadata service. */
export type Knowledge = {
  /** The last lease that could be believed. */
  readonly lease: UnixTime;
  /** Since when the tag cannot be believed; undefined while it can. */
  readonly unreadableSince?: UnixTime | undefined;
  /** When EC2 takes the instance away, once it has said so. */
  readonly interruption?: UnixTime | undefined;
  /** The pool has no more use for this instance: it ends as soon as nothing is claimed. */
  readonly released: boolean;
  /** EC2 expects to interrupt this instance and says so early: no further job starts, and nothing else changes. */
  readonly rebalance: boolean;
};

export type EndReason = "lease" | "unreadable lease" | "interruption";
export type Ending = { readonly at: UnixTime; readonly reason: EndReason };

/** EC2 begins to stop a spot instance at the time of its notice, so the node must be done before. */
export const BEFORE_INTERRUPTION_SECONDS = 5;

/** What the metadata service says now. A tag that is not there is a reading too; no answer is none. */
export type Reading = {
  readonly tags: Tags;
  readonly interruption?: UnixTime | undefined;
  /** There is a rebalance recommendation. */
  readonly rebalance?: boolean;
};

export function learn(
  known: Knowledge,
  { tags, interruption, rebalance = false }: Reading,
  now: UnixTime,
  maxLeaseSeconds: number,
): Knowledge {
  const lease = leaseExpiration(tags, now, maxLeaseSeconds);
  return {
    lease: lease ?? known.lease,
    unreadableSince: lease === undefined ? (known.unreadableSince ?? now) : undefined,
    // A notice is not withdrawn, and an answer that lacks it may be an older one.
    interruption: interruption ?? known.interruption,
    released: (tags[TAG.release] ?? "") !== "",
    rebalance: rebalance || known.rebalance,
  };
}

/** When this instance must be gone, and why. A lease that cannot be believed never makes the instance live longer. */
export function ending({ lease, unreadableSince, interruption }: Knowledge): Ending {
  const ends: Ending[] = [{ at: lease, reason: "lease" }];
  if (unreadableSince !== undefined) {
    ends.push({ at: unreadableSince + UNREADABLE_LEASE_SECONDS, reason: "unreadable lease" });
  }
  if (interruption !== undefined) {
    ends.push({ at: interruption - BEFORE_INTERRUPTION_SECONDS, reason: "interruption" });
  }
  return ends.reduce((first, other) => (other.at < first.at ? other : first));
}

/** When a spot notice (`spot/instance-action`) takes the instance; undefined for a text that says no time. */
export function interruptionTime(text: string): UnixTime | undefined {
  try {
    const { time } = JSON.parse(text) as { time?: unknown };
    const milliseconds = typeof time === "string" ? Date.parse(time) : Number.NaN;
    return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
  } catch {
    return undefined;
  }
}

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

export function formatKnowledge(known: Knowledge): string {
  return `${JSON.stringify({ format: 1, ...known })}\n`;
}

/** Undefined for a text that is no knowledge, such as a file that was cut short. */
export function parseKnowledge(written: string): Knowledge | undefined {
  try {
    const value = JSON.parse(written) as Partial<Record<keyof Knowledge | "format", unknown>>;
    const lease = number(value.lease);
    if (value.format !== 1 || lease === undefined) return undefined;
    return {
      lease,
      unreadableSince: number(value.unreadableSince),
      interruption: number(value.interruption),
      released: value.released === true,
      rebalance: value.rebalance === true,
    };
  } catch {
    return undefined;
  }
}
