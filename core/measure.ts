import type { AttributeValue } from "./classad.ts";
import type { Exclusion } from "./demand.ts";
import type { Funds } from "./funds.ts";
import { recent, remember, rested, type Memory } from "./hook-memory.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { machineOf, type Machine } from "./machine.ts";
import { measureDemand, minWait, type DemandPorts } from "./measure-demand.ts";
import { total } from "./packing.ts";
import type { Reconciled } from "./place-orders.ts";
import { decide, type Decision } from "./policy.ts";
import type { Ec2 } from "./ports.ts";
import type { Explained } from "./reason.ts";
import type { PoolFacts } from "./sensors.ts";
import type { Site } from "./site.ts";
import type { LearnSlot } from "./slot-template.ts";
import { contradiction, supply, type Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";
import { sense, Unmeasured } from "./unmeasured.ts";

export type MeasurePorts = DemandPorts & { readonly ec2: Ec2; readonly learnSlot: LearnSlot };

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
  const measureSupply = async (): Promise<Supply> => {
    const slots = await sense("Collector", ports.pool.annexSlots(annex.name, site.schedd));
    const now = ports.clock.now();
    const joined = recent(terms.memory.joined, now);
    const members = supply(instances, slots, joined, now, annex.drainSeconds);
    const disagree = contradiction(members, instances, slots);
    if (disagree !== undefined) throw new Unmeasured({ limitedBy: "Collector", reason: disagree });
    await learn(ports, instances, members);
    return { now, joined, members };
  };
  const measured = measureSupply();
  const [queued, { now, joined, members }] = await Promise.all([
    measureDemand(ports, { annex, site, facts, noStart: terms.memory.noStart ?? {}, learned: measured }),
    measured,
  ]);
  const { unserved } = queued;
  const memory = { ...remember(terms.memory, members, joined, now), noStart: queued.noStart };
  const machine: Machine | undefined =
    total(unserved) === 0 ? undefined : await sense("EC2", machineOf(ports.ec2, annex, members));
  const decided = decide({
    unserved,
    members,
    unseen,
    machine: machine ?? NOTHING,
    maxInstances: annex.maxInstances,
    affordable,
    restedIds: rested(memory, now, minWait(annex, site)),
  });
  // Until one has joined nobody knows whether the jobs match what the image makes.
  const order = queued.proven ? decided.order : Math.min(decided.order, Math.max(0, 1 - decided.inFlight));
  const decision = { ...decided, order };
  const allExcluded: Partial<Record<Exclusion, number>> = {
    ...queued.excluded,
    ...(decision.tooLarge > 0 && { Shape: decision.tooLarge }),
  };
  const count = (...progress: readonly Member["progress"][]): number =>
    members.filter((one) => progress.includes(one.progress)).length;
  const staying = members.filter((one) => one.progress !== "ending" && !one.released);
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
    attributes: {
      JobsIdle: queued.jobs,
      JobsUnserved: total(unserved),
      JobsUnmaterialized: queued.unmaterialized,
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

type Supply = {
  readonly now: UnixTime;
  readonly joined: Memory["joined"];
  readonly members: readonly Member[];
};

/** Keeps what a slot of each type and image is like, for the day when none is there. */
async function learn(
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

const NOTHING = { cpus: 0, memory: 0, disk: 0, gpus: 0 };
