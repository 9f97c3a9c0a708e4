import type { FreeSlot, GroupQuota, IdleJob, Rejection } from "./demand.ts";
import type { AnnexSlot } from "./supply.ts";
import type { UnixTime } from "./time.ts";

/** What the schedd shows. */
export type Queue = {
  /** Idle jobs for which the expression is true. */
  idleJobs(expression: string): Promise<IdleJob[]>;
  /** What negotiation passed over lately, whoever's jobs they were. */
  rejections(withinSeconds: number): Promise<Rejection[]>;
  /** How many of the pool's free slots but the annex's match each of these jobs, by HTCondor's own matchmaking. */
  matches(jobIds: readonly string[], annex: string): Promise<ReadonlyMap<string, number>>;
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

/** What the collector shows. */
export type Pool = {
  facts(schedd: string): Promise<PoolFacts>;
  annexSlots(annex: string, schedd: string): Promise<AnnexSlot[]>;
  /** Slots that are nobody's now, but those of the annex itself. */
  freeSlots(annex: string): Promise<FreeSlot[]>;
};
