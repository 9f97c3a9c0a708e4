import { act, type ActPorts } from "./act.ts";
import type { AttributeValue } from "./classad.ts";
import { funds } from "./funds.ts";
import type { Memory } from "./hook-memory.ts";
import { recordSeen } from "./ledger.ts";
import { measure, type MeasurePorts, type MeasureTerms } from "./measure.ts";
import { reconcile } from "./place-orders.ts";
import type { Ec2 } from "./ports.ts";
import { findGround, getReadable } from "./publish.ts";
import { explain } from "./reason.ts";
import { SWEEP_KEY } from "./storage.ts";
import { sense, Unmeasured } from "./unmeasured.ts";
import { parseLastSweep, veto, type Held } from "./veto.ts";

export type TickPorts = ActPorts & MeasurePorts;

export type TickTerms = MeasureTerms & {
  /** UPDRAFT_STOP. */
  readonly stop: boolean;
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
