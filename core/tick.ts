import { act, type ActPorts } from "./act.ts";
import { ahead } from "./ahead.ts";
import type { AttributeValue } from "./classad.ts";
import { firstBootReport } from "./boot-report.ts";
import { breaker, breakerReason, judge, newlyFailed, type Breaker, type BreakerMemory } from "./breaker.ts";
import { UpdraftError } from "./errors.ts";
import type { Ghosts } from "./ghosts.ts";
import { funds, type Funds } from "./funds.ts";
import type { Memory } from "./hook-memory.ts";
import { layGhosts } from "./lay-ghosts.ts";
import { recordSeen } from "./ledger.ts";
import { demandOnPool, type PoolDemand } from "./measure-demand.ts";
import { measure, type Measured, type MeasurePorts, type MeasureTerms } from "./measure.ts";
import { reconcile, type Reconciled } from "./place-orders.ts";
import type { AnnexKnobs } from "./knobs.ts";
import type { Storage } from "./ports.ts";
import { getReadable, ownerOf, type Ground } from "./publish.ts";
import { explain, type Explained } from "./reason.ts";
import type { Recent } from "./recent.ts";
import type { Pool, PoolView, QueueReader } from "./sensors.ts";
import { claim, type Share } from "./sharing.ts";
import type { Site } from "./site.ts";
import { demandExpression, startExpression } from "./start-expression.ts";
import { SWEEP_KEY } from "./storage.ts";
import type { UnixTime } from "./time.ts";
import { sense, Unmeasured } from "./unmeasured.ts";
import { parseLastSweep, veto, type Held } from "./veto.ts";

export type TickPorts = ActPorts &
  Omit<MeasurePorts, "ec2"> & {
    readonly pool: Pool;
    readonly queue: QueueReader;
    readonly ghosts: Ghosts;
    readonly recent: Recent;
  };

export type TickTerms = MeasureTerms & {
  /** UPDRAFT_STOP. */
  readonly stop: boolean;
  /** Why nothing may be done this time, whatever is measured. */
  readonly hold?: Held;
};

export type Tick = {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly memory: Memory;
};

/** One look at one annex, and in mode `act` what follows from it. */
export async function tick(ports: TickPorts, terms: TickTerms): Promise<Tick | Held> {
  try {
    return await measureAndAct(ports, terms);
  } catch (error) {
    if (error instanceof Unmeasured) return error.held;
    throw error;
  }
}

async function measureAndAct(ports: TickPorts, terms: TickTerms): Promise<Tick> {
  const { annex, site } = terms;
  const owner = ownerOf(annex, site);
  // What waits for nobody is asked at once, so that all of it is about the same moment.
  const instances = ahead(() => sense("EC2", ports.ec2.instances(owner)));
  const view = sense("Collector", ports.pool(annex.name, site.schedd));
  const demanded = ahead(() => view.then((pool) => demandBeside(ports, terms, pool)));
  const [pool, { ground, storage, sweep }] = await Promise.all([view, lookAtGround(ports, annex, site)]);
  const { facts } = pool;
  const vetoed = veto({
    mode: annex.mode,
    stop: terms.stop,
    now: ports.clock.now(),
    sweptAt: sweep,
    negotiatedAt: facts.negotiatedAt,
    negotiatorIntervalSeconds: site.negotiatorIntervalSeconds,
    scheddKnown: facts.startable !== undefined,
    collectorStarted: facts.collectorStarted,
    updateIntervalSeconds: site.updateIntervalSeconds,
    scheddDutyCycle: facts.scheddDutyCycle,
  });
  const mayNot = vetoed ?? terms.hold;
  const settling = { ...ports, ec2: { ...ports.ec2, instances } };
  const known = await sense("Journal", reconcile(settling, owner, annex.region, mayNot === undefined));
  const looking = { ...ports, ...ports.recent };
  const money = await funds(looking, ground, known);
  const dead = await layGhosts(ports.ghosts, {
    before: terms.memory.ghosts,
    instances: known.instances,
    expression: startExpression({ ...annex, annex: annex.name, schedd: site.schedd }),
    act: mayNot === undefined,
    now: known.at,
  });
  const seen = await measure(looking, terms, pool, demanded(), known, money);
  const { memory: breakerMemory, gate } = await breakerNow(storage, ground, terms, known, seen);
  const decision = {
    ...seen.decision,
    order: Math.min(seen.decision.order, gate.admits ?? Number.POSITIVE_INFINITY),
  };

  const acted =
    mayNot === undefined ? await act(ports, ground, known, decision) : { ordered: 0, released: 0 };
  const { order, release, withdraw, inFlight } = decision;
  const staying = seen.members.filter((one) => one.progress !== "ending" && !one.released);
  await recordSeen(ports, known.instances, annex.region, money.pricing, known.at);
  return {
    attributes: {
      ...seen.attributes,
      ...acted.attributes,
      ...money.attributes(acted.ordered),
      Breaker: gate.state,
      Target: staying.length + known.unseen + order - release.length + withdraw.length,
      Recommended: order,
      Ghosts: dead.jobs,
      Ordered: acted.ordered,
      Released: acted.released,
      ...explain({
        ...seen.explained,
        decision,
        heldBack: heldBackBy(gate, seen.decision.order - order, known.at),
        veto: mayNot,
        trouble: acted.trouble ?? dead.trouble,
      }),
    },
    memory: {
      ...seen.memory,
      breaker: breakerMemory,
      ghosts: dead.memory,
      share: shareOf(terms, money, seen, inFlight + acted.ordered, known.at),
    },
  };
}

async function lookAtGround(ports: TickPorts, annex: AnnexKnobs, site: Site) {
  const setUp = await sense("Setup", ports.recent.setUp(annex, site));
  const storage = ports.storage(setUp.accountSetup.bucket, setUp.account);
  const look = async (): Promise<UnixTime | undefined> =>
    parseLastSweep(await getReadable(storage, SWEEP_KEY));
  const sweep = await sense("Enforcer", ports.recent.sweptAt(setUp.accountSetup.bucket, look));
  return { ground: { annex, site, owner: ownerOf(annex, site), ...setUp }, storage, sweep };
}

/** Demand that the pool as it is cannot serve. */
async function demandBeside(ports: TickPorts, terms: TickTerms, pool: PoolView): Promise<PoolDemand> {
  const { annex, site, memory } = terms;
  const look = { factories: pool.facts.unmaterialized > 0 };
  return demandOnPool(ports, {
    annex,
    site,
    pool,
    queued: await sense("Queue", ports.queue.jobs(demandExpression(annex, site.schedd), look)),
    noStart: memory.noStart,
    lookedAt: memory.experience.last?.at,
    others: terms.others ?? [],
  });
}

/** The breaker after this look, with the words of the node that failed last. */
async function breakerNow(
  storage: Storage,
  ground: Ground,
  { annex, memory: { breaker: before } }: TickTerms,
  { instances, unseen, at }: Reconciled,
  { members, slots }: Measured,
): Promise<{ readonly memory: BreakerMemory; readonly gate: Breaker }> {
  const { idleSeconds } = annex;
  const judged = judge(before, { instances, members, slots, idleSeconds, now: at });
  const silent = newlyFailed(before, judged.memory, instances);
  // What a node said explains; nothing is decided by it.
  const said = await firstBootReport(storage, annex.name, ground.annexSetup.roleId, silent).catch(unforeseen);
  const memory = said === undefined ? judged.memory : { ...judged.memory, reason: said };
  return { memory, gate: breaker(memory, judged.undecided + unseen, at) };
}

function unforeseen(error: unknown): undefined {
  if (!(error instanceof UpdraftError)) throw error;
}

function heldBackBy(gate: Breaker, instances: number, now: UnixTime): Explained["heldBack"] {
  if (gate.state === "closed") return undefined;
  return { limitedBy: "Breaker", reason: breakerReason(gate, now), instances };
}

function shareOf(
  { others, memory: { share } }: TickTerms,
  { hourly }: Funds,
  { unserved, members, machine }: Measured,
  coming: number,
  at: UnixTime,
): Share {
  if (others === undefined) return {};
  const priced = machine !== undefined && machine.cpus > 0 && hourly !== undefined;
  const cpuPrice = priced ? hourly / machine.cpus : share.cpuPrice;
  return {
    claims: claim(unserved, members, coming, machine, at),
    ...(cpuPrice !== undefined && { cpuPrice }),
  };
}
