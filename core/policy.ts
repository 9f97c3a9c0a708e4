import { unmetDemand } from "./laws/unmet-demand.ts";
import { machinesFor, place, type Resources, type Shape } from "./packing.ts";
import type { Member } from "./supply.ts";

export type PolicyInput = {
  /** Jobs that free slots of others would not take. */
  readonly unserved: readonly Shape[];
  readonly members: readonly Member[];
  /** Instances of orders that EC2 does not show yet. */
  readonly unseen: number;
  /** What one further instance has. */
  readonly machine: Resources;
  readonly maxInstances: number;
  /** Instances that are kept at all times. */
  readonly minInstances: number;
  /** Instances that MAX_LIABILITY still admits; undefined where nobody knows, or where there is no limit. */
  readonly affordable?: number | undefined;
  /** Instances that have been idle for long enough to be let go. */
  readonly restedIds: ReadonlySet<string>;
};

export type Decision = {
  /** Instances to order, all caps applied. */
  readonly order: number;
  /** To be tagged to end when unclaimed. */
  readonly release: readonly string[];
  /** Released, but needed after all. */
  readonly withdraw: readonly string[];
  /** Instances that the jobs need beyond those that have joined. */
  readonly needed: number;
  readonly inFlight: number;
  /** Jobs that no instance of the annex's types could hold. */
  readonly tooLarge: number;
  /** MAX_INSTANCES stood in the way of so many. */
  readonly cut: number;
  /** MAX_LIABILITY stood in the way of so many more. */
  readonly unaffordable: number;
};

const SERVING: ReadonlySet<Member["progress"]> = new Set(["in flight", "idle", "busy"]);

/** Caps and safety around the law. It trusts its input: whoever could not measure must not ask. */
export function decide(p: PolicyInput): Decision {
  const staying = p.members.filter((one) => !one.released);
  const leaving = p.members.filter((one) => one.released && one.progress !== "ending");
  const onIdle = give(p.unserved, staying);
  const onLeaving = give(onIdle.left, leaving);
  const withdraw = onLeaving.used;

  const { machines: needed, tooLarge } = machinesFor(onLeaving.left, p.machine);
  const inFlight = p.unseen + staying.filter((one) => one.progress === "in flight").length;
  const serving = staying.filter(({ progress }) => SERVING.has(progress)).length + p.unseen;
  const wanted = Math.max(unmetDemand({ needed, inFlight }), p.minInstances - serving - withdraw.length);
  const live = p.members.length + p.unseen;
  const fitting = Math.min(wanted, Math.max(0, p.maxInstances - live));
  const order = Math.min(fitting, p.affordable ?? Number.POSITIVE_INFINITY);

  const surplus = staying.filter(
    (one) => one.progress === "idle" && one.ours && p.restedIds.has(one.id) && !onIdle.used.includes(one.id),
  );
  return {
    order,
    release: needed > 0 ? [] : surplus.slice(0, Math.max(0, serving - p.minInstances)).map((one) => one.id),
    withdraw,
    needed,
    inFlight,
    tooLarge,
    cut: wanted - fitting,
    unaffordable: fitting - order,
  };
}

/** Gives the jobs to the free slots of these instances, and tells which got one. */
function give(
  jobs: readonly Shape[],
  members: readonly Member[],
): { readonly left: readonly Shape[]; readonly used: string[] } {
  // Busy ones first, so that what can become empty does.
  const order = [...members].sort((a, b) => b.claimed - a.claimed);
  const places = order.flatMap((one) => one.free.map((free) => ({ id: one.id, free })));
  const { left, taken } = place(
    jobs,
    places.map(({ free }) => free),
  );
  const used = places.filter((_, i) => (taken[i] ?? 0) > 0).map(({ id }) => id);
  return { left, used: [...new Set(used)] };
}

/** The least of every resource: what a further instance has whichever of these it will be. */
export function smallest(machines: readonly Resources[]): Resources | undefined {
  const [first, ...rest] = machines;
  return rest.reduce<Resources | undefined>(
    (least, one) =>
      least && {
        cpus: Math.min(least.cpus, one.cpus),
        memory: Math.min(least.memory, one.memory),
        disk: Math.min(least.disk, one.disk),
        gpus: Math.min(least.gpus, one.gpus),
      },
    first,
  );
}
