import type { AttributeValue } from "./classad.ts";
import type { Exclusion, JobGroup } from "./demand.ts";
import type { Funds } from "./funds.ts";
import { learn } from "./experience.ts";
import { decideForAnnex, type Decision } from "./hook-decision.ts";
import { recent, remember, rested, type Memory } from "./hook-memory.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { lastStretch } from "./last-stretch.ts";
import { machineOf, type Machine } from "./machine.ts";
import { demandOnAnnex, minWait, type DemandPorts, type PoolDemand } from "./measure-demand.ts";
import { total } from "./packing.ts";
import type { Reconciled } from "./place-orders.ts";
import type { Explained } from "./reason.ts";
import type { PoolView } from "./sensors.ts";
import type { Claims } from "./sharing.ts";
import type { Site } from "./site.ts";
import { contradiction, hasJoined, supply, type AnnexSlot, type Member } from "./supply.ts";
import type { LearnSlot } from "./slot-template.ts";
import { sense, Unmeasured } from "./unmeasured.ts";

export type MeasurePorts = DemandPorts & { readonly learnSlot: LearnSlot };

export type MeasureTerms = {
  readonly annex: AnnexKnobs;
  readonly site: Site;
  readonly memory: Memory;
  /** What the access point's other annexes have claimed; undefined when there is no other. */
  readonly others?: readonly Claims[];
};

export type Measured = {
  readonly decision: Decision;
  readonly explained: Explained;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly memory: Memory;
  readonly members: readonly Member[];
  readonly slots: readonly AnnexSlot[];
  /** Jobs that only the annex could serve. */
  readonly unserved: readonly JobGroup[];
  /** What one further instance has, where somebody had to know. */
  readonly machine: Machine | undefined;
};

/** Demand and supply of an annex, and what follows from them. */
export async function measure(
  ports: MeasurePorts,
  terms: MeasureTerms,
  pool: PoolView,
  demanded: Promise<PoolDemand>,
  { instances, unseen }: Reconciled,
  { affordable }: Funds,
): Promise<Measured> {
  const { annex, site } = terms;
  const { experience: known } = terms.memory;
  const slots = pool.annexSlots;
  const now = ports.clock.now();
  const joined = recent(terms.memory.joined, now);
  const members = supply(instances, slots, joined, now, annex.drainSeconds, known.lateAfterSeconds);
  const disagree = contradiction(members, instances, slots);
  if (disagree !== undefined) throw new Unmeasured({ limitedBy: "Collector", reason: disagree });
  // What the slots look like that are there now is known before anybody asks what one to come would take.
  const [onPool] = await Promise.all([demanded, learnSlots(ports, instances, members)]);
  const queued = await demandOnAnnex(ports, terms, onPool);

  const { unserved } = queued;
  const { experience, attributes: estimates } = learn(known, {
    annex,
    negotiatorIntervalSeconds: site.negotiatorIntervalSeconds,
    now,
    queued: queued.jobs,
    arrived: queued.arrived,
    unmaterialized: queued.unmaterialized,
    instances,
    members,
    slots,
  });
  const remembered = { ...remember(terms.memory, members, joined, now), experience, noStart: queued.noStart };
  const isPriced = terms.others === undefined || remembered.share.cpuPrice !== undefined;
  const machine: Machine | undefined =
    total(unserved) === 0 && annex.minInstances === 0 && isPriced
      ? undefined
      : await sense("EC2", machineOf(ports.ec2, annex, members));
  const { decision: decided, memory: policy } = decideForAnnex(
    {
      now,
      waiting: unserved.filter(({ count }) => count > 0),
      members,
      unseen,
      machine,
      leaseSeconds: annex.leaseSeconds,
      maxInstances: annex.maxInstances,
      minInstances: annex.minInstances,
      affordable,
      waitValue: annex.waitValue,
      spares: annex.spares,
      refuseSeconds: lastStretch(annex.drainSeconds, annex.leaseSeconds).refuse,
      idleSince: remembered.idleSince,
      restedIds: rested(remembered, now, minWait(annex, site)),
    },
    terms.memory.policy,
  );
  const memory = { ...remembered, policy };
  // Until one has joined nobody knows whether the jobs match what the image makes.
  const order = queued.proven ? decided.order : Math.min(decided.order, Math.max(0, 1 - decided.inFlight));
  const decision = { ...decided, order };
  const allExcluded: Partial<Record<Exclusion, number>> = {
    ...queued.excluded,
    ...(decision.tooLarge > 0 && { Shape: decision.tooLarge }),
  };
  const count = (...progress: readonly Member["progress"][]): number =>
    members.filter((one) => progress.includes(one.progress)).length;
  const idleCpus = members.flatMap((one) => one.free.map((slot) => Math.max(0, slot.cpus)));
  return {
    decision,
    explained: {
      jobs: queued.jobs,
      decision,
      unproven: decided.order - order,
      excluded: allExcluded,
      maxInstances: annex.maxInstances,
      maxLiability: annex.maxLiability,
    },
    memory,
    members,
    slots,
    unserved,
    machine,
    attributes: {
      JobsIdle: queued.jobs,
      JobsUnserved: total(unserved),
      JobsUnmaterialized: queued.unmaterialized,
      // Of one CPU each: what an idle partitionable slot becomes depends on the jobs.
      SlotsIdle: Math.floor(idleCpus.reduce((sum, cpus) => sum + cpus, 0)),
      SlotsBusy: members.reduce((sum, one) => sum + one.claimed, 0),
      InFlight: decision.inFlight,
      Joined: members.filter(hasJoined).length,
      Draining: count("draining"),
      Late: count("late"),
      Lost: count("lost"),
      Instances: members.length,
      ...estimates,
    },
  };
}

/** Keeps what a slot of each type and image is like, for the day when none is there. */
async function learnSlots(
  { learnSlot }: MeasurePorts,
  instances: Reconciled["instances"],
  members: readonly Member[],
): Promise<void> {
  const joined = new Set(
    members.filter(({ progress }) => progress === "idle" || progress === "busy").map(({ id }) => id),
  );
  const one = new Map(
    instances.filter(({ id }) => joined.has(id)).map((found) => [`${found.imageId} ${found.type}`, found]),
  );
  await Promise.all([...one.values()].map(({ imageId, type, id }) => learnSlot(imageId, type, id)));
}
