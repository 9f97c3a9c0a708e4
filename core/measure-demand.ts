import { afterFreeSlots, demand, groupJobs, type Excluded, type JobGroup } from "./demand.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { stalled, type NoStart } from "./no-start.ts";
import { runningJobs, withinOwnerLimit } from "./owner-limits.ts";
import { fits, total } from "./packing.ts";
import type { Clock, Ec2 } from "./ports.ts";
import { unclaimed, type Claims } from "./sharing.ts";
import type { Matchmaking, PoolView, QueuedJobs, RunningJobs } from "./sensors.ts";
import type { Site } from "./site.ts";
import { templates, type SlotAds, type Templates } from "./slot-template.ts";
import type { UnixTime } from "./time.ts";
import { sense } from "./unmeasured.ts";

export type DemandPorts = {
  readonly clock: Clock;
  readonly ec2: Pick<Ec2, "instanceTypes">;
  readonly matches: Matchmaking;
  readonly slotAds: SlotAds;
  imageId(image: string): Promise<string>;
  sha256(bytes: Uint8Array): string;
};

export type DemandTerms = {
  readonly annex: AnnexKnobs;
  readonly site: Site;
  readonly pool: PoolView;
  readonly queued: QueuedJobs;
  readonly noStart: NoStart;
  /** When was looked last. */
  readonly lookedAt?: UnixTime | undefined;
  /** Jobs for which other annexes have ordered. */
  readonly others: readonly Claims[];
};

/** Jobs of one user and shape, wherever they are. */
export type ShapeDemand = JobGroup & {
  /** Of those that wait for a machine, how many only a further one could serve. */
  readonly unserved: number;
  readonly runningHere: number;
  readonly runningElsewhere: number;
};

export type MeasuredDemand = {
  /** Idle jobs of the annex's expression. */
  readonly jobs: number;
  /** Those of them that came to wait after the last look; nobody knows before there was one. */
  readonly arrived: number;
  /** Those that only the annex could serve, by user and shape. */
  readonly unserved: readonly JobGroup[];
  /** Those that wait for a machine, served or not; `count` is how many wait. */
  readonly shapes: readonly ShapeDemand[];
  readonly excluded: Excluded;
  /** Jobs of the annex's expression that are not in the queue yet. */
  readonly unmaterialized: number;
  /** A slot of the annex's image has been seen; else one instance is ordered to see it. */
  readonly proven: boolean;
  readonly noStart: NoStart;
};

/** The same before anybody has asked what an instance of the annex would take. */
export type PoolDemand = Omit<MeasuredDemand, "unserved" | "proven" | "shapes"> & {
  /** What the pool cannot serve, and what waits for a machine, group by group. */
  readonly starting: readonly JobGroup[];
  readonly shapes: readonly Omit<ShapeDemand, "unserved">[];
};

/** How long a job waits before it is demand that negotiation has not passed over. */
export const minWait = (annex: AnnexKnobs, site: Site): number =>
  annex.minWaitSeconds ?? 2 * site.negotiatorIntervalSeconds;

/** What the pool could not serve of the jobs of an annex. */
export async function demandOnPool(
  ports: Pick<DemandPorts, "clock" | "matches" | "sha256">,
  { annex, site, pool, queued, noStart, others, lookedAt = Number.POSITIVE_INFINITY }: DemandTerms,
): Promise<PoolDemand> {
  const { facts, annexSlots: slots, freeSlots: free } = pool;
  const now = ports.clock.now();
  const { waiting, excluded } = demand(queued.idle, {
    now,
    minWaitSeconds: minWait(annex, site),
    rejections: queued.rejections,
    quotas: facts.quotas,
    startable: facts.startable ?? 0,
  });
  const allowed = withinOwnerLimit(waiting, runningJobs(slots), annex.ownerMaxJobs);
  const groups = unclaimed(groupJobs(allowed), others, now);
  const ads = groups.map(({ ad }) => ad);
  const [onFree, onIdle] = await Promise.all([
    free.length === 0 ? [] : sense("Queue", ports.matches.freeSlots(ads, free, annex.name)),
    slots.some(({ state }) => state === "Unclaimed")
      ? sense("Queue", ports.matches.idleAnnexSlots(ads, annex.name))
      : [],
  ]);
  const matching = new Map(groups.map((group, index) => [group, onFree[index] ?? { count: 0 }]));
  const rest = afterFreeSlots(groups, free, (group) => matching.get(group));

  const { here, elsewhere } = running(queued.running, annex.name);
  const seen = groups.map((group, index) => ({
    group,
    key: ports.sha256(new TextEncoder().encode(group.ad)),
    matching: onIdle[index] ?? 0,
    running: here(group),
  }));
  const idle = stalled(noStart, seen, facts.negotiatedAt, now);
  const starting = rest.map((group, index) =>
    idle.suppressed.has(groups[index] ?? group) ? { ...group, count: 0 } : group,
  );
  return {
    jobs: total(queued.idle),
    arrived: total(queued.idle.filter(({ idleSince }) => idleSince > lookedAt)),
    starting,
    shapes: groups.map((group) => ({
      ...group,
      runningHere: here(group),
      runningElsewhere: elsewhere(group),
    })),
    excluded: {
      ...excluded,
      ...some("OwnerLimit", total(waiting) - total(allowed)),
      ...some("OtherAnnex", total(allowed) - total(groups)),
      ...some("FreeSlots", total(groups) - total(rest)),
      ...some("NoStart", total(rest) - total(starting)),
      ...some("Factory", queued.unmaterialized),
    },
    unmaterialized: queued.unmaterialized,
    noStart: idle.noStart,
  };
}

/** What of it an instance of the annex would take. */
export async function demandOnAnnex(
  ports: Omit<DemandPorts, "clock" | "sha256">,
  { annex, site }: Pick<DemandTerms, "annex" | "site">,
  { starting, shapes, ...demand }: PoolDemand,
): Promise<MeasuredDemand> {
  const { unserved, proven } = await matched(ports, annex, site.trustDomain, starting);
  return {
    ...demand,
    unserved,
    proven,
    shapes: shapes.map((shape, index) => ({ ...shape, unserved: unserved[index]?.count ?? 0 })),
    excluded: { ...demand.excluded, ...some("Requirements", total(starting) - total(unserved)) },
  };
}

/** Without those whose requirements an instance of the annex would not meet, whichever of its types EC2 chooses. */
async function matched(
  ports: Omit<DemandPorts, "clock" | "sha256">,
  annex: AnnexKnobs,
  trustDomain: string,
  groups: readonly JobGroup[],
): Promise<{ readonly unserved: readonly JobGroup[]; readonly proven: boolean }> {
  const asked = groups.filter(({ count }) => count > 0);
  if (asked.length === 0) return { unserved: groups, proven: true };
  const { slots, proven }: Templates = await sense(
    "EC2",
    ports.imageId(annex.image).then((image) => templates(ports, annex, image, trustDomain)),
  );
  const ads = slots.map(({ ad }) => ad);
  const found = await sense(
    "Queue",
    ports.matches.templates(
      asked.map(({ ad }) => ad),
      ads,
    ),
  );
  const matches = new Map(asked.map((group, index) => [group, found[index] ?? 0]));
  const unserved = groups.map((group) => {
    // One that is too large is told by its own name.
    const large = slots.some(({ size }) => fits(group, size) === 0);
    return large || (matches.get(group) ?? 0) >= slots.length ? group : { ...group, count: 0 };
  });
  return { unserved, proven };
}

const some = (why: keyof Excluded, count: number): Excluded => (count > 0 ? { [why]: count } : {});

type CountOf = (group: JobGroup) => number;

/** A running job's ad has grown, so that its autocluster tells what it was like when it was idle. */
function running(jobs: readonly RunningJobs[], annex: string): { here: CountOf; elsewhere: CountOf } {
  const here = new Map<string, number>();
  const elsewhere = new Map<string, number>();
  const key = ({ autocluster, user }: Pick<RunningJobs, "autocluster" | "user">): string =>
    `${autocluster} ${user}`;
  for (const some of jobs) {
    const counts = some.annex === annex ? here : elsewhere;
    counts.set(key(some), (counts.get(key(some)) ?? 0) + some.count);
  }
  const of =
    (counts: ReadonlyMap<string, number>): CountOf =>
    (group) =>
      counts.get(key(group)) ?? 0;
  return { here: of(here), elsewhere: of(elsewhere) };
}
