import { LATE_AFTER_SECONDS, isReleased, join, type Owner, type Seen, type Slot } from "./instance.ts";
import { ours } from "./place-orders.ts";
import type { Clock, Ec2, Slots } from "./ports.ts";
import type { UnixTime } from "./time.ts";

/** A job that the schedd says has run on an instance of the annex, or runs there now. */
export type AnnexJob = { readonly id: string; readonly instanceId: string; readonly running: boolean };

/** When each instance was last seen with slots, as far as the hook or an earlier look remembers. */
export type Remembered = Readonly<Record<string, UnixTime>>;

export type ViewPorts = {
  readonly clock: Clock;
  readonly ec2: Pick<Ec2, "instances">;
  readonly slots: Slots;
  jobs(annex: string): Promise<AnnexJob[]>;
  /** Those of these instances on which a job has ended lately. */
  worked(instanceIds: readonly string[]): Promise<string[]>;
  /** Nothing where the hook does not run, or keeps it from us. */
  remembered(annex: string): Promise<Remembered>;
};

/**
 * How an instance stands with EC2, the collector and the schedd taken together. Lost: it had joined and runs, and the
 * collector shows none of its slots. Ghost: EC2 says that it is gone, and the collector or the schedd still believes
 * in it.
 */
export type State =
  | "ordered"
  | "running"
  | "late"
  | "joined"
  | "idle"
  | "claimed"
  | "draining"
  | "lost"
  | "ending"
  | "gone"
  | "ghost";

export type View = {
  readonly id: string;
  /** Undefined when EC2 does not list it (any more). */
  readonly seen: Seen | undefined;
  readonly state: State;
  readonly slots: readonly Slot[];
  readonly released: boolean;
  /** A slot is claimed or about to be, or the schedd believes that a job of its runs there. */
  readonly busy: boolean;
  readonly idleSince: UnixTime | undefined;
  /** Jobs that the schedd believes to be running there. */
  readonly jobs: readonly string[];
};

/** The annex's instances as everybody knows them, those that have ended included as long as EC2 shows them; ghosts last. */
export async function viewAnnex(ports: ViewPorts, owner: Owner): Promise<View[]> {
  const [instances, slots, jobs, remembered] = await Promise.all([
    ours(ports, owner),
    ports.slots(owner.annex),
    ports.jobs(owner.annex),
    ports.remembered(owner.annex),
  ]);
  const seen = join(instances, slots, ports.clock.now(), LATE_AFTER_SECONDS);
  const silent = seen.filter((one) => one.state === "running" && one.slots.length === 0);
  const joined = new Set([
    ...Object.keys(remembered),
    ...jobs.map((job) => job.instanceId),
    ...(silent.length === 0 ? [] : await ports.worked(silent.map((one) => one.id))),
  ]);
  const listed = seen.map((one) => view(one.id, one, one.slots, jobs, joined.has(one.id)));
  const known = new Set(instances.map((one) => one.id));
  const believed = [
    // Another schedd of the pool may have an annex of this name elsewhere, and a young node has not told whom it serves.
    ...slots.flatMap((slot) => (slot.schedd === owner.schedd ? (slot.instanceId ?? []) : [])),
    ...jobs.filter((job) => job.running).map((job) => job.instanceId),
  ].filter((id) => !known.has(id));
  const unlisted = [...new Set(believed)].map((id) =>
    view(
      id,
      undefined,
      slots.filter((slot) => slot.instanceId === id),
      jobs,
      true,
    ),
  );
  return [...listed, ...unlisted];
}

function view(
  id: string,
  seen: Seen | undefined,
  slots: readonly Slot[],
  jobs: readonly AnnexJob[],
  hadJoined: boolean,
): View {
  const running = jobs.filter((job) => job.instanceId === id && job.running).map((job) => job.id);
  const state = stateOf(seen, slots, running.length > 0, hadJoined);
  return {
    id,
    seen,
    state,
    slots,
    released: seen !== undefined && isReleased(seen),
    busy: slots.some(isTaken) || running.length > 0,
    idleSince: state === "idle" ? idleSince(slots) : undefined,
    jobs: running,
  };
}

function idleSince(slots: readonly Slot[]): UnixTime | undefined {
  const times = slots.flatMap((slot) => slot.since ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Whoever is in doubt is busy. */
function isTaken(slot: Slot): boolean {
  return ["Claimed", "Matched", "Preempting"].includes(slot.state);
}

function stateOf(
  seen: Seen | undefined,
  slots: readonly Slot[],
  hasJobs: boolean,
  hadJoined: boolean,
): State {
  switch (seen?.progress) {
    case undefined:
    case "gone":
      return slots.length > 0 || hasJobs ? "ghost" : "gone";
    case "ending":
      return "ending";
    case "ordered":
    case "running":
    case "late":
      return hadJoined ? "lost" : seen.progress;
    case "joined":
    case "claimed":
      if (slots.some((slot) => slot.draining === true)) return "draining";
      if (slots.some(isTaken)) return "claimed";
      return slots.every((slot) => slot.state === "Unclaimed") ? "idle" : "joined";
  }
}

/** EC2 runs it, or is about to. */
export function isAlive({ state }: View): boolean {
  return state !== "ending" && state !== "gone" && state !== "ghost";
}
