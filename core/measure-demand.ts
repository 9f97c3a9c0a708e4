import { afterFreeSlots, demand, groupJobs, type Exclusion, type JobGroup } from "./demand.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { runningJobs, withinOwnerLimit } from "./owner-limits.ts";
import { total } from "./packing.ts";
import type { Clock } from "./ports.ts";
import type { Pool, PoolFacts, Queue } from "./sensors.ts";
import { unclaimed, type Claims } from "./sharing.ts";
import type { Site } from "./site.ts";
import { demandExpression } from "./start-expression.ts";
import type { AnnexSlot } from "./supply.ts";
import type { UnixTime } from "./time.ts";
import { sense } from "./unmeasured.ts";

const REJECTIONS_SECONDS = 600;
/** More examples would make the question to HTCondor too long; jobs beyond them count as served by free slots. */
const MATCHED_GROUPS = 200;

export type DemandPorts = { readonly clock: Clock; readonly queue: Queue; readonly pool: Pool };

export type DemandTerms = {
  readonly annex: AnnexKnobs;
  readonly site: Site;
  readonly facts: PoolFacts;
  /** When was looked last. */
  readonly lookedAt?: UnixTime | undefined;
  /** Slots of the annex, which tell whose jobs run there. */
  readonly slots: Promise<readonly AnnexSlot[]>;
  /** Jobs for which other annexes have ordered. */
  readonly others: readonly Claims[];
};

export type MeasuredDemand = {
  /** Idle jobs of the annex's expression. */
  readonly jobs: number;
  /** Those of them that came to wait after the last look; nobody knows before there was one. */
  readonly arrived: number;
  /** Jobs that only the annex could serve, by shape. */
  readonly unserved: readonly JobGroup[];
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
};

/** How long a job waits before it is demand that negotiation has not passed over. */
export const minWait = (annex: AnnexKnobs, site: Site): number =>
  annex.minWaitSeconds ?? 2 * site.negotiatorIntervalSeconds;

/** What the pool could not serve of the jobs of an annex. */
export async function measureDemand(
  ports: DemandPorts,
  { annex, site, facts, lookedAt = Number.POSITIVE_INFINITY, ...terms }: DemandTerms,
): Promise<MeasuredDemand> {
  const expression = demandExpression(annex, site.schedd);
  const [jobs, rejections, free, slots] = await Promise.all([
    sense("Queue", ports.queue.idleJobs(expression)),
    sense("Queue", ports.queue.rejections(REJECTIONS_SECONDS)),
    sense("Collector", ports.pool.freeSlots(annex.name)),
    terms.slots,
  ]);
  const now = ports.clock.now();
  const { waiting, excluded } = demand(jobs, {
    now,
    minWaitSeconds: minWait(annex, site),
    rejections,
    quotas: facts.quotas,
    startable: facts.startable ?? 0,
  });
  const allowed = withinOwnerLimit(waiting, runningJobs(slots), annex.ownerMaxJobs);
  const groups = unclaimed(groupJobs(allowed), terms.others, now);
  const examples = free.length === 0 ? [] : groups.slice(0, MATCHED_GROUPS).map((group) => group.example);
  const matches = await sense("Queue", ports.queue.matches(examples, annex.name));
  const unserved = afterFreeSlots(groups, free, (group) => matches.get(group.example));
  const counts = {
    OwnerLimit: waiting.length - allowed.length,
    OtherAnnex: allowed.length - total(groups),
    FreeSlots: total(groups) - total(unserved),
  };
  return {
    jobs: jobs.length,
    arrived: jobs.filter(({ idleSince }) => idleSince > lookedAt).length,
    unserved,
    excluded: { ...excluded, ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)) },
  };
}
