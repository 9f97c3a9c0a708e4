import type { AttributeValue } from "./classad.ts";
import { afterFreeSlots, demand, groupJobs, type Exclusion } from "./demand.ts";
import type { Funds } from "./funds.ts";
import { decideForAnnex, type Decision } from "./hook-decision.ts";
import { recent, remember, rested, type Memory } from "./hook-memory.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { machineOf, type Machine } from "./machine.ts";
import { lastStretch } from "./last-stretch.ts";
import { total } from "./packing.ts";
import type { Reconciled } from "./place-orders.ts";
import type { Clock, Ec2 } from "./ports.ts";
import type { Explained } from "./reason.ts";
import type { Pool, PoolFacts, Queue } from "./sensors.ts";
import type { Site } from "./site.ts";
import { startExpression } from "./start-expression.ts";
import { contradiction, supply, type Member } from "./supply.ts";
import { sense, Unmeasured } from "./unmeasured.ts";

const REJECTIONS_SECONDS = 600;
/** More examples would make the question to HTCondor too long; jobs beyond them count as served by free slots. */
const MATCHED_GROUPS = 200;

export type MeasurePorts = {
  readonly clock: Clock;
  readonly ec2: Ec2;
  readonly queue: Queue;
  readonly pool: Pool;
};

export type MeasureTerms = {
  readonly annex: AnnexKnobs;
  readonly site: Site;
  readonly memory: Memory;
};

export type Measured = {
  readonly decision: Decision;
  readonly explained: Explained;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly memory: Memory;
};

/** Demand and supply of an annex, and what follows from them. */
export async function measure(
  ports: MeasurePorts,
  terms: MeasureTerms,
  facts: PoolFacts,
  { instances, unseen }: Reconciled,
  { affordable }: Funds,
): Promise<Measured> {
  const { annex, site } = terms;
  const expression = startExpression({
    annex: annex.name,
    schedd: site.schedd,
    jobs: annex.jobs,
    owners: annex.owners,
  });
  const [jobs, rejections, slots, free] = await Promise.all([
    sense("Queue", ports.queue.idleJobs(expression)),
    sense("Queue", ports.queue.rejections(REJECTIONS_SECONDS)),
    sense("Collector", ports.pool.annexSlots(annex.name, site.schedd)),
    sense("Collector", ports.pool.freeSlots(annex.name)),
  ]);
  const now = ports.clock.now();
  const joined = recent(terms.memory.joined, now);
  const members = supply(instances, slots, joined, now, annex.drainSeconds);
  const disagree = contradiction(members, instances, slots);
  if (disagree !== undefined) throw new Unmeasured({ limitedBy: "Collector", reason: disagree });

  const minWaitSeconds = annex.minWaitSeconds ?? 2 * site.negotiatorIntervalSeconds;
  const { waiting, excluded } = demand(jobs, {
    now,
    minWaitSeconds,
    rejections,
    quotas: facts.quotas,
    startable: facts.startable ?? 0,
  });
  const groups = groupJobs(waiting);
  const examples = free.length === 0 ? [] : groups.slice(0, MATCHED_GROUPS).map((group) => group.example);
  const matches = await sense("Queue", ports.queue.matches(examples, annex.name));
  const unserved = afterFreeSlots(groups, free, (group) => matches.get(group.example));
  const served = waiting.length - total(unserved);

  const remembered = remember(terms.memory, members, joined, now);
  const machine: Machine | undefined =
    total(unserved) === 0 ? undefined : await sense("EC2", machineOf(ports.ec2, annex, members));
  const { decision, memory: policy } = decideForAnnex(
    {
      now,
      waiting: unserved.filter(({ count }) => count > 0),
      members,
      unseen,
      machine,
      leaseSeconds: annex.leaseSeconds,
      maxInstances: annex.maxInstances,
      affordable,
      waitValue: annex.waitValue,
      spares: annex.spares,
      refuseSeconds: lastStretch(annex.drainSeconds, annex.leaseSeconds).refuse,
      idleSince: remembered.idleSince,
      restedIds: rested(remembered, now, minWaitSeconds),
    },
    terms.memory.policy,
  );
  const memory = { ...remembered, policy };
  const allExcluded: Partial<Record<Exclusion, number>> = {
    ...excluded,
    ...(served > 0 && { FreeSlots: served }),
    ...(decision.tooLarge > 0 && { Shape: decision.tooLarge }),
  };
  const count = (...progress: readonly Member["progress"][]): number =>
    members.filter((one) => progress.includes(one.progress)).length;
  const staying = members.filter((one) => one.progress !== "ending" && !one.released);
  const idleCpus = members.flatMap((one) => one.free.map((slot) => Math.max(0, slot.cpus)));
  return {
    decision,
    explained: {
      jobs: jobs.length,
      decision,
      excluded: allExcluded,
      maxInstances: annex.maxInstances,
      maxLiability: annex.maxLiability,
    },
    memory,
    attributes: {
      JobsIdle: jobs.length,
      JobsUnserved: total(unserved),
      JobsUnmaterialized: facts.unmaterialized,
      // Of one CPU each: what an idle partitionable slot becomes depends on the jobs.
      SlotsIdle: Math.floor(idleCpus.reduce((sum, cpus) => sum + cpus, 0)),
      SlotsBusy: members.reduce((sum, one) => sum + one.claimed, 0),
      InFlight: decision.inFlight,
      Joined: count("idle", "busy"),
      Late: count("late"),
      Lost: count("lost"),
      Instances: members.length,
      Target: staying.length + unseen + decision.order - decision.release.length + decision.withdraw.length,
      Recommended: decision.order,
    },
  };
}
