import { TAG, type Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** EC2's own words. */
export type Ec2State = "pending" | "running" | "shutting-down" | "terminated" | "stopping" | "stopped";

/** An instance as EC2 shows it. */
export type Instance = {
  readonly id: string;
  readonly state: Ec2State;
  readonly type: string;
  readonly imageId: string;
  readonly zone: string;
  readonly privateIp: string | undefined;
  readonly launched: UnixTime;
  /** When it was told to end, as far as EC2 says so. */
  readonly ended?: UnixTime;
  /** Why it was told to end: EC2 has a code for it, such as `Client.InstanceInitiatedShutdown`. */
  readonly endCode?: string;
  readonly spot: boolean;
  readonly tags: Tags;
};

/** A slot as the collector shows it; only what joins it to its instance and says whether it works. */
export type Slot = {
  readonly name: string;
  readonly instanceId: string | undefined;
  readonly state: string;
  readonly activity: string;
  /** The schedd that its instance serves; undefined until the node has told. */
  readonly schedd?: string | undefined;
  readonly draining?: boolean;
  /** Since when it has been in its state, its dynamic slots taken into account. */
  readonly since?: UnixTime | undefined;
};

/** Whose instances: every selection matches all three exactly. */
export type Owner = { readonly annex: string; readonly pool: string; readonly schedd: string };

export function isOurs(instance: Instance, owner: Owner): boolean {
  return (
    instance.tags[TAG.annex] === owner.annex &&
    instance.tags[TAG.pool] === owner.pool &&
    instance.tags[TAG.schedd] === owner.schedd
  );
}

/** Still costs money. */
export function isLive(instance: { readonly state: string }): boolean {
  return instance.state !== "terminated";
}

/** Tagged to end when unclaimed. An empty value is a release that was withdrawn. */
export function isReleased(instance: Instance): boolean {
  return (instance.tags[TAG.release] ?? "") !== "";
}

/** How far an instance has come: what EC2 and the collector say, taken together. */
export type Progress = "ordered" | "running" | "late" | "joined" | "claimed" | "ending" | "gone";

export function progress(
  instance: Instance,
  slots: readonly Slot[],
  now: UnixTime,
  lateAfterSeconds: number,
): Progress {
  switch (instance.state) {
    case "terminated":
      return "gone";
    case "shutting-down":
    case "stopping":
    case "stopped":
      return "ending";
  }
  const own = slots.filter((slot) => slot.instanceId === instance.id);
  if (own.some((slot) => slot.state === "Claimed")) return "claimed";
  if (own.length > 0) return "joined";
  if (now - instance.launched > lateAfterSeconds) return "late";
  return instance.state === "running" ? "running" : "ordered";
}

/** Seconds after its launch at which an instance that has not joined is late. */
export const LATE_AFTER_SECONDS = 600;

export type Seen = Instance & { readonly progress: Progress; readonly slots: readonly Slot[] };

/** Every instance with its slots and its progress, oldest first. */
export function join(
  instances: readonly Instance[],
  slots: readonly Slot[],
  now: UnixTime,
  lateAfterSeconds: number,
): Seen[] {
  return instances
    .map((instance) => ({
      ...instance,
      progress: progress(instance, slots, now, lateAfterSeconds),
      slots: slots.filter((slot) => slot.instanceId === instance.id),
    }))
    .sort((a, b) => a.launched - b.launched || (a.id < b.id ? -1 : 1));
}

/** How many have got at least as far as each step. */
export function counts(seen: readonly Seen[]): Record<Progress, number> {
  const result = { ordered: 0, running: 0, late: 0, joined: 0, claimed: 0, ending: 0, gone: 0 };
  for (const one of seen) result[one.progress] += 1;
  return result;
}
