import { unmetDemand } from "./laws/unmet-demand.ts";
import { NO_WAIT_VALUE_MEMORY, readWaitValueMemory, type WaitValueMemory } from "./laws/wait-value-memory.ts";
import { waitValue } from "./laws/wait-value.ts";
import { observe, readLook, type Look, type WaitingShape } from "./observe.ts";
import { total, type Resources } from "./packing.ts";
import { decide } from "./policy.ts";
import type { Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";

/** What the law has learned of an annex. */
export type PolicyMemory = { readonly look: Look; readonly law: WaitValueMemory };

export type DecisionTerms = {
  readonly now: UnixTime;
  /** Jobs that free slots of others would not take. */
  readonly waiting: readonly WaitingShape[];
  readonly members: readonly Member[];
  /** Instances of orders that EC2 does not show yet. */
  readonly unseen: number;
  /** What one further instance has; undefined when no job needs one. */
  readonly machine: Resources | undefined;
  readonly leaseSeconds: number;
  readonly maxInstances: number;
  /** Kept at all times, whether there are jobs or not. */
  readonly minInstances: number;
  /** Instances that MAX_LIABILITY still admits; undefined where nobody knows, or where there is no limit. */
  readonly affordable?: number | undefined;
  readonly waitValue: number;
  readonly spares: boolean;
  /** Nodes let no job start with less left of their lease. */
  readonly refuseSeconds: number;
  readonly idleSince: Readonly<Record<string, UnixTime>>;
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
  /** What the law adds to these numbers, in words; may be empty. */
  readonly why: string;
};

const SERVING: ReadonlySet<Member["progress"]> = new Set(["in flight", "idle", "busy"]);

/** The law's decision for one annex: a machine is an instance of its types, and one order may have as many as are left. */
export function decideForAnnex(
  p: DecisionTerms,
  before: PolicyMemory | undefined,
): { readonly decision: Decision; readonly memory: PolicyMemory } {
  const { seen, offers, look, instanceOf } = observe({ ...p, before: before?.look });
  const limits = {
    offers,
    maxInstances: Number.POSITIVE_INFINITY,
    maxOrder: Number.POSITIVE_INFINITY,
    leaseSeconds: p.leaseSeconds,
    tickSeconds: look.period,
    waitValue: p.waitValue,
    warmInstances: p.minInstances,
    spares: p.spares,
    refuseSeconds: p.refuseSeconds,
  };
  const { needed, inFlight, tooLarge, unmet } = unmetDemand(p.waiting, seen.machines, limits);
  const staying = p.members.filter((one) => !one.released && SERVING.has(one.progress)).length + p.unseen;
  const members = new Map(p.members.map((one) => [one.id, one]));
  const { decision, memory } = decide(waitValue, seen, before?.law ?? NO_WAIT_VALUE_MEMORY, limits, {
    live: p.members.length + p.unseen,
    maxInstances: p.maxInstances,
    maxOrder: Number.POSITIVE_INFINITY,
    affordable: p.affordable,
    visible: p.spares ? undefined : Math.max(unmet, p.minInstances - staying),
    mayRelease({ id }) {
      const member = members.get(instanceOf(id) ?? "");
      if (member?.progress !== "idle" || !member.ours || !p.restedIds.has(member.id)) return false;
      // One that takes no job may do so again, as long as jobs wait.
      return member.free.length > 0 || needed === 0;
    },
  });
  const named = (ids: readonly number[]): string[] => ids.flatMap((id) => instanceOf(id) ?? []);
  return {
    decision: {
      order: total(decision.order),
      release: named(decision.release).slice(0, Math.max(0, staying - p.minInstances)),
      withdraw: named(decision.withdraw),
      needed,
      inFlight,
      tooLarge,
      cut: decision.cut,
      unaffordable: decision.unaffordable,
      why: decision.reason,
    },
    memory: { look, law: memory },
  };
}

/** As it came back from a file; undefined when nothing can be made of it, which costs history only. */
export function readPolicyMemory(found: unknown): PolicyMemory | undefined {
  if (typeof found !== "object" || found === null) return undefined;
  const { look, law } = found as Record<string, unknown>;
  const read = readLook(look);
  return read === undefined ? undefined : { look: read, law: readWaitValueMemory(law) };
}
