import { LATE_AFTER_SECONDS, progress, type Instance, type Slot } from "./instance.ts";
import { lastStretch } from "./last-stretch.ts";
import type { Running } from "./laws/law.ts";
import type { Resources } from "./packing.ts";
import { TAG } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** A slot of the annex with what the hook decides by. */
export type AnnexSlot = Slot & {
  /** What an unclaimed slot could still take. */
  readonly free: Resources;
  /** All that a slot has when nothing is claimed of it; undefined for one that was cut from another. */
  readonly size: Resources | undefined;
  /** It takes jobs: START is not false, and it is neither being drained nor about to end. */
  readonly accepting: boolean;
  /** When its node ends, as far as it has said so. */
  readonly endsAt: UnixTime | undefined;
  /** The job that has it, and since when it runs. */
  readonly job?: string | undefined;
  readonly jobStarted?: UnixTime | undefined;
  /** Whose it is, as `user@domain`. */
  readonly user?: string | undefined;
  /** When the daemon started that publishes it: the node was there from then on. */
  readonly startedAt?: UnixTime | undefined;
};

export type Member = {
  readonly id: string;
  readonly type: string;
  readonly progress: "in flight" | "late" | "idle" | "busy" | "draining" | "lost" | "ending";
  /** Free capacity of its unclaimed slots that take jobs. */
  readonly free: readonly Resources[];
  readonly claimed: number;
  readonly size: Resources | undefined;
  /** Tagged to end when unclaimed. */
  readonly released: boolean;
  /** The hook ordered it, and so may release it. */
  readonly ours: boolean;
  readonly launched: UnixTime;
  /** As its slots or its tag say. */
  readonly leaseEnd: UnixTime | undefined;
  /** At work on it, each with what its slot has of the instance. */
  readonly jobs: readonly Running[];
};

/** `htcondor:Owner` of what the hook orders: nobody's login name. */
export const HOOK_USER = "updraft-schedd";

/** Instances ⋈ slots, without probes, which never take a job. `joined` tells which had slots when last looked, so that a collector that lost them is noticed. */
export function supply(
  instances: readonly Instance[],
  slots: readonly AnnexSlot[],
  joined: Readonly<Record<string, UnixTime>>,
  now: UnixTime,
  drainSeconds: number,
  lateAfterSeconds: number = LATE_AFTER_SECONDS,
): Member[] {
  const byInstance = Map.groupBy(slots, (slot) => slot.instanceId);
  return instances
    .filter((one) => one.state !== "terminated" && one.tags[TAG.probe] === undefined)
    .map((one) => {
      const own = byInstance.get(one.id) ?? [];
      const open = own.filter(
        (slot) =>
          slot.state === "Unclaimed" &&
          slot.accepting &&
          (slot.endsAt === undefined ||
            slot.endsAt - now > lastStretch(drainSeconds, slot.endsAt - one.launched).refuse),
      );
      return {
        id: one.id,
        type: one.type,
        progress: stage(one, own, joined[one.id] !== undefined, now, lateAfterSeconds),
        free: open.map((slot) => slot.free),
        claimed: own.filter(({ state }) => CLAIMED.has(state)).length,
        size: own.find((slot) => slot.size !== undefined)?.size,
        released: (one.tags[TAG.release] ?? "") !== "",
        ours: one.tags[TAG.owner] === HOOK_USER,
        launched: one.launched,
        leaseEnd: own.find((slot) => slot.endsAt !== undefined)?.endsAt ?? leaseTag(one),
        jobs: own.flatMap(running),
      };
    });
}

function leaseTag({ tags }: Instance): UnixTime | undefined {
  const lease = Number(tags[TAG.lease]);
  return Number.isFinite(lease) && lease > 0 ? lease : undefined;
}

/** Jobs of a user are probably alike. The name is data from outside: it never stands alone as a key. */
function running({ state, jobStarted, user, free }: AnnexSlot): Running[] {
  if (state !== "Claimed" || jobStarted === undefined) return [];
  return [{ started: jobStarted, request: free, group: `user ${(user ?? "").slice(0, LONGEST_NAME)}` }];
}

const LONGEST_NAME = 200;

/** Everything but free, or about to be free: whoever is in doubt is busy. */
const CLAIMED = new Set(["Claimed", "Matched", "Preempting"]);

function stage(
  instance: Instance,
  own: readonly AnnexSlot[],
  hadSlots: boolean,
  now: UnixTime,
  lateAfterSeconds: number,
): Member["progress"] {
  const found = progress(instance, own, now, lateAfterSeconds);
  switch (found) {
    case "ending":
    case "gone":
      return "ending";
    case "ordered":
    case "running":
    case "late":
      return hadSlots ? "lost" : found === "late" ? "late" : "in flight";
    case "joined":
    case "claimed":
      if (own.every((slot) => !slot.accepting)) return "draining";
      return own.every((slot) => slot.state === "Unclaimed") ? "idle" : "busy";
  }
}

/** It has slots: they wait for jobs, are at work, or take no further one. */
export function hasJoined({ progress }: Member): boolean {
  return progress === "idle" || progress === "busy" || progress === "draining";
}

/** Why the collector and EC2 cannot both be believed; undefined when they agree. */
export function contradiction(
  members: readonly Member[],
  instances: readonly Instance[],
  slots: readonly AnnexSlot[],
): string | undefined {
  const known = new Set(instances.map((one) => one.id));
  const strange = slots.find((slot) => slot.instanceId !== undefined && !known.has(slot.instanceId));
  if (strange !== undefined) {
    return `the collector shows a slot of ${strange.instanceId ?? ""}, which EC2 does not list`;
  }
  // Those that were told to end may be doing so just now.
  const lost = members.filter((one) => one.progress === "lost" && !one.released).length;
  const joined = members.filter(hasJoined).length;
  return lost > 0 && lost >= joined
    ? `the collector shows no slot of ${lost} of ${lost + joined} instances that had joined`
    : undefined;
}
