import { readNoStart, type NoStart } from "./no-start.ts";
import { NO_FAILURES, parseBreaker, type BreakerMemory } from "./breaker.ts";
import { NO_EXPERIENCE, parseExperience, type Experience } from "./experience.ts";
import { NO_GHOSTS, parseGhosts, type GhostMemory } from "./ghosts.ts";
import { readPolicyMemory, type PolicyMemory } from "./hook-decision.ts";
import { parseShare, type Share } from "./sharing.ts";
import { hasJoined, type Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";
import { numbers, record } from "./untrusted.ts";

/** What a tick leaves to the next one. Without it only history is lost. */
export type Memory = {
  /** When each instance was last seen with slots. */
  readonly joined: Readonly<Record<string, UnixTime>>;
  /** Since when each instance has been idle. */
  readonly idleSince: Readonly<Record<string, UnixTime>>;
  /** Shapes of jobs that idle nodes match and that do not start. */
  readonly noStart: NoStart;
  readonly breaker: BreakerMemory;
  readonly experience: Experience;
  readonly share: Share;
  /** What the ordering law has learned. */
  readonly policy?: PolicyMemory;
  readonly ghosts: GhostMemory;
};

export const NO_MEMORY: Memory = {
  joined: {},
  idleSince: {},
  breaker: NO_FAILURES,
  experience: NO_EXPERIENCE,
  share: {},
  ghosts: NO_GHOSTS,
  noStart: {},
};

/** Whatever of it cannot be read is as if it had never been. */
export function parseMemory(found: unknown): Memory {
  const { joined, idleSince, breaker, experience, share, ghosts, noStart, policy } = record(found);
  const learned = readPolicyMemory(policy);
  return {
    joined: numbers(joined),
    idleSince: numbers(idleSince),
    breaker: parseBreaker(breaker),
    experience: parseExperience(experience),
    share: parseShare(share),
    ghosts: parseGhosts(ghosts),
    noStart: readNoStart(noStart),
    ...(learned !== undefined && { policy: learned }),
  };
}

/** An instance whose slots have been gone for so long counts by what EC2 says. */
const LOST_SECONDS = 600;

/** When instances were last seen with slots, as far as that still counts. */
export function recent(joined: Memory["joined"], now: UnixTime): Memory["joined"] {
  // A time to come is one of a clock that was wrong.
  return Object.fromEntries(Object.entries(joined).filter(([, at]) => at <= now && now - at < LOST_SECONDS));
}

export function remember(
  before: Memory,
  members: readonly Member[],
  joined: Memory["joined"],
  now: UnixTime,
): Omit<Memory, "policy"> {
  const present = members.filter(hasJoined);
  const lost = members.filter((one) => one.progress === "lost");
  return {
    ...before,
    joined: {
      ...Object.fromEntries(lost.map(({ id }) => [id, joined[id] ?? now])),
      ...Object.fromEntries(present.map(({ id }) => [id, now])),
    },
    idleSince: Object.fromEntries(
      present
        .filter((one) => one.progress === "idle")
        .map(({ id }) => [id, Math.min(now, before.idleSince[id] ?? now)]),
    ),
  };
}

/** Instances that have been idle for at least so long. */
export function rested(memory: Memory, now: UnixTime, seconds: number): Set<string> {
  return new Set(
    Object.entries(memory.idleSince)
      .filter(([, since]) => now - since >= seconds)
      .map(([id]) => id),
  );
}
