import type { AttributeValue } from "./classad.ts";
import { afterFreeSlots, demand, groupJobs, type Exclusion } from "./demand.ts";
import { UpdraftError } from "./errors.ts";
import { limitedBy } from "./fleet-errors.ts";
import { funds, type Funds } from "./funds.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { recordSeen } from "./ledger.ts";
import { machineOf, type Machine } from "./machine.ts";
import { total } from "./packing.ts";
import {
  BRISK,
  checkPlanRoom,
  fleetReasons,
  placeOrders,
  reconcile,
  type OrderPorts,
  type Reconciled,
} from "./place-orders.ts";
import { planOrder, type PlanPorts } from "./plan-order.ts";
import { decide, type Decision } from "./policy.ts";
import type { Ec2 } from "./ports.ts";
import {
  checkPublished,
  findGround,
  getReadable,
  type ConfigPorts,
  type Ground,
  type SetupPorts,
} from "./publish.ts";
import { explain, type Explained } from "./reason.ts";
import { heldBack } from "./refused-places.ts";
import type { Pool, PoolFacts, Queue } from "./sensors.ts";
import type { Site } from "./site.ts";
import { demandExpression } from "./start-expression.ts";
import { SWEEP_KEY } from "./storage.ts";
import { HOOK_USER, contradiction, supply, type Member } from "./supply.ts";
import { TAG } from "./tags.ts";
import type { UnixTime } from "./time.ts";
import { parseLastSweep, veto, type Held } from "./veto.ts";

export type TickPorts = Omit<OrderPorts, "ec2"> &
  SetupPorts &
  ConfigPorts &
  PlanPorts & {
    readonly ec2: Ec2;
    readonly queue: Queue;
    readonly pool: Pool;
  };

export type TickTerms = {
  readonly annex: AnnexKnobs;
  readonly site: Site;
  /** UPDRAFT_STOP. */
  readonly stop: boolean;
  readonly memory: Memory;
};

/** What a tick leaves to the next one. Without it only history is lost. */
export type Memory = {
  /** When each instance was last seen with slots. */
  readonly joined: Readonly<Record<string, UnixTime>>;
  /** Since when each instance has been idle. */
  readonly idleSince: Readonly<Record<string, UnixTime>>;
};

export const NO_MEMORY: Memory = { joined: {}, idleSince: {} };

export type Tick = {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly memory: Memory;
};

const REJECTIONS_SECONDS = 600;
/** An instance whose slots have been gone for so long counts by what EC2 says. */
const LOST_SECONDS = 600;
/** More examples would make the question to HTCondor too long; jobs beyond them count as served by free slots. */
const MATCHED_GROUPS = 200;

/** One look at one annex, and in mode `act` what follows from it. */
export async function tick(ports: TickPorts, terms: TickTerms): Promise<Tick | Held> {
  try {
    return await measureAndAct(ports, terms);
  } catch (error) {
    if (error instanceof Unmeasured) return error.held;
    throw error;
  }
}

class Unmeasured extends Error {
  readonly held: Held;
  constructor(held: Held) {
    super(held.reason);
    this.held = held;
  }
}

/** A sensor that fails is never read as zero. */
async function sense<T>(limitedBy: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof UpdraftError) throw new Unmeasured({ limitedBy, reason: error.message });
    throw error;
  }
}

async function measureAndAct(ports: TickPorts, terms: TickTerms): Promise<Tick> {
  const { annex, site } = terms;
  const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
  const [facts, ground] = await Promise.all([
    sense("Collector", ports.pool.facts(site.schedd)),
    sense("Setup", findGround(ports, annex, site)),
  ]);
  const storage = ports.storage(ground.accountSetup.bucket, ground.account);
  const sweep = parseLastSweep(await sense("Enforcer", getReadable(storage, SWEEP_KEY)));
  const mayNot = veto({
    mode: annex.mode,
    stop: terms.stop,
    now: ports.clock.now(),
    sweptAt: sweep,
    negotiatedAt: facts.negotiatedAt,
    negotiatorIntervalSeconds: site.negotiatorIntervalSeconds,
    scheddKnown: facts.startable !== undefined,
  });
  const instances: Ec2["instances"] = (owner) => sense("EC2", ports.ec2.instances(owner));
  const looking = { ...ports, ec2: { ...ports.ec2, instances } };
  const known = await sense("Journal", reconcile(looking, owner, annex.region, mayNot === undefined));
  const money = await funds(ports, ground, known);
  const seen = await measure(ports, terms, facts, known, money);
  const { decision } = seen;

  const acted =
    mayNot === undefined ? await act(ports, ground, known, decision) : { ordered: 0, released: 0 };
  await recordSeen(ports, known.instances, annex.region, money.pricing, known.at);
  return {
    attributes: {
      ...seen.attributes,
      ...acted.attributes,
      ...money.attributes(acted.ordered),
      Ordered: acted.ordered,
      Released: acted.released,
      ...explain({ ...seen.explained, veto: mayNot, trouble: acted.trouble }),
    },
    memory: seen.memory,
  };
}

type Measured = {
  readonly decision: Decision;
  readonly explained: Explained;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly memory: Memory;
};

async function measure(
  ports: TickPorts,
  terms: TickTerms,
  facts: PoolFacts,
  { instances, unseen }: Reconciled,
  { affordable }: Funds,
): Promise<Measured> {
  const { annex, site } = terms;
  const expression = demandExpression(annex, site.schedd);
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

  const memory = remember(terms.memory, members, joined, now);
  const machine: Machine | undefined =
    total(unserved) === 0 ? undefined : await sense("EC2", machineOf(ports.ec2, annex, members));
  const decision = decide({
    unserved,
    members,
    unseen,
    machine: machine ?? NOTHING,
    maxInstances: annex.maxInstances,
    affordable,
    restedIds: rested(memory, now, minWaitSeconds),
  });
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

const NOTHING = { cpus: 0, memory: 0, disk: 0, gpus: 0 };

function recent(joined: Memory["joined"], now: UnixTime): Memory["joined"] {
  // A time to come is one of a clock that was wrong.
  return Object.fromEntries(Object.entries(joined).filter(([, at]) => at <= now && now - at < LOST_SECONDS));
}

function remember(
  before: Memory,
  members: readonly Member[],
  joined: Memory["joined"],
  now: UnixTime,
): Memory {
  const present = members.filter((one) => one.progress === "idle" || one.progress === "busy");
  const lost = members.filter((one) => one.progress === "lost");
  return {
    joined: {
      ...Object.fromEntries(lost.map(({ id }) => [id, joined[id] ?? now])),
      ...Object.fromEntries(present.map(({ id }) => [id, now])),
    },
    idleSince: Object.fromEntries(
      present
        .filter((one) => one.progress === "idle")
        .map(({ id }) => [id, Math.min(now, before.idleSince[id] ?? now)]),
    ),
  };
}

function rested(memory: Memory, now: UnixTime, seconds: number): Set<string> {
  return new Set(
    Object.entries(memory.idleSince)
      .filter(([, since]) => now - since >= seconds)
      .map(([id]) => id),
  );
}

type Acted = {
  readonly ordered: number;
  readonly released: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** What went wrong, and the word for it. */
  readonly trouble?: Held;
};

/** Tags are set before anything is ordered: they cost nothing. What one step could not do does not stop the others. */
async function act(ports: TickPorts, ground: Ground, known: Reconciled, decision: Decision): Promise<Acted> {
  let trouble: Held | undefined;
  const attempt = async (step: () => Promise<void>): Promise<boolean> => {
    try {
      await step();
      return true;
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
      trouble ??= { limitedBy: WORDS[error.kind] ?? "EC2", reason: error.message };
      return false;
    }
  };
  const now = String(Math.floor(ports.clock.now()));
  const { withdraw, release } = decision;
  if (withdraw.length > 0) await attempt(() => ports.ec2.tag(withdraw, { [TAG.release]: "" }));
  const released =
    release.length > 0 && (await attempt(() => ports.ec2.tag(release, { [TAG.release]: now })));
  let ordered = 0;
  if (decision.order > 0) {
    await attempt(async () => {
      const placed = await order(ports, ground, known, decision.order);
      ordered = placed.ordered;
      trouble ??= placed.trouble;
    });
  }
  return {
    ordered,
    released: released ? release.length : 0,
    attributes: ordered > 0 ? { LastOrder: Math.floor(ports.clock.now()) } : {},
    ...(trouble !== undefined && { trouble }),
  };
}

const WORDS: Readonly<Record<string, string>> = { denied: "Denied", config: "Setup", capacity: "Capacity" };

/** By the very same flow as `updraft create`, except that nobody waits. */
async function order(
  ports: TickPorts,
  ground: Ground,
  known: Reconciled,
  count: number,
): Promise<{ readonly ordered: number; readonly trouble: Held | undefined }> {
  const { annex } = ground;
  await checkPublished(ports, ground);
  const plan = await planOrder(ports, ground, {
    count,
    leaseSeconds: (longest) => Math.min(annex.leaseSeconds, longest),
    idleSeconds: annex.idleSeconds,
    instanceTypes: annex.instanceTypes,
    user: HOOK_USER,
  });
  checkPlanRoom(plan, known);
  const held = await heldBack(ports, plan);
  if (held !== undefined) return { ordered: 0, trouble: held };
  const placed = await placeOrders(ports, plan, BRISK);
  const ordered = placed.reduce((sum, one) => sum + one.instanceIds.length, 0);
  if (ordered >= count) return { ordered, trouble: undefined };
  const reasons = fleetReasons(placed);
  return {
    ordered,
    trouble: {
      limitedBy: limitedBy(placed.flatMap((one) => one.errors)),
      reason: `EC2 launched ${ordered} of ${count}${reasons.length === 0 ? "" : `: ${reasons.join("; ")}`}`,
    },
  };
}
