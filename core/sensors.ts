import type { FreeSlot, GroupQuota, IdleJobs, Rejection, SlotMatches } from "./demand.ts";
import type { AnnexSlot } from "./supply.ts";
import type { UnixTime } from "./time.ts";

/** Running jobs of the annex's expression that differ in nothing that matters but their number. */
export type RunningJobs = {
  readonly count: number;
  readonly user: string | undefined;
  readonly autocluster: number | undefined;
  /** Of the node that they run on; undefined elsewhere. */
  readonly annex: string | undefined;
};

export type QueuedJobs = {
  readonly idle: readonly IdleJobs[];
  readonly running: readonly RunningJobs[];
  /** What negotiation passed over lately. */
  readonly rejections: readonly Rejection[];
  /** Jobs of late-materialized clusters that are not in the queue yet. */
  readonly unmaterialized: number;
};

/** What the schedd shows. */
export type QueueReader = {
  /** Jobs for which the expression is true. `factories` is whether late-materialized clusters may have more. */
  jobs(expression: string, look: { readonly factories: boolean }): Promise<QueuedJobs>;
};

/** How many slots match and would take jobs of each of these ads, by HTCondor's own matchmaking. */
export type Matchmaking = {
  /**
   * The pool's free slots but the annex's, as the collector has just shown them. Of many groups that other slots match,
   * which ones is told of the first.
   */
  freeSlots(
    ads: readonly string[],
    slots: readonly FreeSlot[],
    annex: string,
  ): Promise<readonly SlotMatches[]>;
  idleAnnexSlots(ads: readonly string[], annex: string): Promise<readonly number[]>;
  /** Slots by their ads. */
  templates(ads: readonly string[], slots: readonly string[]): Promise<readonly number[]>;
};

/** What the collector says of the pool as a whole. */
export type PoolFacts = {
  /** When a negotiator last ended a cycle; undefined when the collector knows none. */
  readonly negotiatedAt: UnixTime | undefined;
  readonly quotas: readonly GroupQuota[];
  /** Jobs that the schedd may still start; undefined when the collector does not know this schedd. */
  readonly startable: number | undefined;
  readonly unmaterialized: number;
  /** When the collector that answered has started; undefined when it does not say. */
  readonly collectorStarted: UnixTime | undefined;
  /** Share of its time that the schedd is at work: what is asked of one that has none left comes late or never. */
  readonly scheddDutyCycle: number | undefined;
};

/** What the collector shows, all of one moment. */
export type PoolView = {
  readonly facts: PoolFacts;
  readonly annexSlots: readonly AnnexSlot[];
  /** Slots that are nobody's now, but those of the annex itself. */
  readonly freeSlots: readonly FreeSlot[];
};

export type Pool = (annex: string, schedd: string) => Promise<PoolView>;
