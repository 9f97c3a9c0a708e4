import type { IdleJobs, FreeSlot, Rejection } from "../../core/demand.ts";
import { parseAd } from "../../core/ad-json.ts";
import type { AnnexKnobs } from "../../core/knobs.ts";
import type { PoolFacts, RunningJobs } from "../../core/sensors.ts";
import type { AnnexSlot } from "../../core/supply.ts";
import { findSetUp, planPublication, writeAnnex } from "../../core/publish.ts";
import type { BelievedRun, DeadSlot } from "../../core/ghosts.ts";
import { NO_MEMORY, type Memory } from "../../core/hook-memory.ts";
import { tick, type Tick, type TickPorts } from "../../core/tick.ts";
import { World } from "./cloud.ts";
import { SITE, annex } from "./knobs.ts";

const SLOT = parseAd(
  '{ "TotalSlotCpus": 2, "TotalSlotMemory": 7600, "TotalSlotDisk": 10000000, "TotalSlotGPUs": 0 }',
);

/** A pool around the world of a cloud: what the schedd and the collector would say. */
export class HookWorld extends World {
  knobs: AnnexKnobs = annex({ mode: "act", instanceTypes: ["m7i.large"] });
  stop = false;
  jobs: IdleJobs[] = [];
  running: RunningJobs[] = [];
  rejections: Rejection[] = [];
  unmaterialized = 0;
  /** Slots of the annex's image have been seen; else only what EC2 says of a type is known. */
  slotSeen = true;
  /** How many of the annex's idle slots, and of the slots that it would get, match every job. */
  matchingIdle = 0;
  matchingTemplates = Number.POSITIVE_INFINITY;
  free: FreeSlot[] = [];
  annexSlots: AnnexSlot[] = [];
  runs: BelievedRun[] = [];
  deadSlots: DeadSlot[] = [];
  matching: number | undefined;
  facts: PoolFacts = {
    negotiatedAt: this.now - 10,
    quotas: [],
    startable: 10_000,
    unmaterialized: 0,
    collectorStarted: this.now - 86_400,
    scheddDutyCycle: 0.1,
  };
  memory: Memory = NO_MEMORY;
  readonly asked: string[] = [];
  readonly learned: string[] = [];

  constructor() {
    super();
    this.put("sweeps/last", JSON.stringify({ sweptAt: this.now - 30 }));
  }

  async publish(): Promise<void> {
    await writeAnnex(this.ports, await planPublication(this.ports, this.knobs, SITE));
    this.deeds.length = 0;
  }

  readonly tickPorts: TickPorts = {
    ...this.ports,
    queue: {
      jobs: async (expression) => {
        this.asked.push(expression);
        const { jobs: idle, running, rejections, unmaterialized } = this;
        return { idle, running, rejections, unmaterialized };
      },
    },
    matches: {
      freeSlots: async (ads) => ads.map(() => ({ count: this.matching ?? this.free.length })),
      idleAnnexSlots: async (ads) => ads.map(() => this.matchingIdle),
      templates: async (ads, slots) => ads.map(() => Math.min(slots.length, this.matchingTemplates)),
    },
    recent: {
      setUp: (annex, site) => findSetUp(this.ports, annex, site),
      imageId: this.ports.imageId,
      sweptAt: (_bucket, look) => look(),
      ec2: this.ports.ec2,
    },
    slotAds: { last: async () => (this.slotSeen ? SLOT : undefined), recorded: async () => undefined },
    learnSlot: async (...seen) => void this.learned.push(seen.join(" ")),
    pool: async () => ({ facts: this.facts, annexSlots: this.annexSlots, freeSlots: this.free }),
    ghosts: {
      runs: async (ids) => this.runs.filter(({ instanceId }) => ids.includes(instanceId)),
      slots: async (ids) => this.deadSlots.filter(({ instanceId }) => ids.includes(instanceId)),
      vacate: async (runs) => void this.deeds.push(`vacate ${runs.map(({ job }) => job).join(" ")}`),
      withdraw: async (slots) => void this.deeds.push(`withdraw ${slots.map(({ name }) => name).join(" ")}`),
      rouse: async () => void this.deeds.push("rouse"),
    },
  };

  /** One tick; what it remembers goes to the next. */
  async tick(ports: TickPorts = this.tickPorts): Promise<Tick["attributes"] & { held?: true }> {
    const result = await tick(ports, {
      annex: this.knobs,
      site: SITE,
      stop: this.stop,
      memory: this.memory,
    });
    if (!("attributes" in result)) {
      return { held: true, LimitedBy: result.limitedBy, Reason: result.reason };
    }
    this.memory = result.memory;
    return result.attributes;
  }

  /** So many opted-in jobs that have waited long. */
  waiting(count: number): void {
    const one = {
      count: 1,
      id: "1.0",
      universe: 5,
      idleSince: this.now - 600,
      autocluster: 1,
      matchedAt: undefined,
      deferredUntil: undefined,
      coolDownUntil: undefined,
      hasConcurrencyLimits: false,
      user: "alice@pool.test",
      group: undefined,
      request: { cpus: 1, memory: 64, disk: 1024, gpus: 0 },
      ad: "[ requestmemory = 64 ]",
    };
    this.jobs = count === 0 ? [] : [{ ...one, count }];
  }

  /** Every running instance joins with an idle slot of two CPUs. */
  join(): void {
    const size = { cpus: 2, memory: 7600, disk: 1e7, gpus: 0 };
    this.annexSlots = this.instances
      .filter((one) => one.state === "running")
      .map((one) => ({
        name: `slot1@${one.id}`,
        instanceId: one.id,
        state: "Unclaimed",
        activity: "Idle",
        free: size,
        size,
        accepting: true,
        endsAt: undefined,
      }));
  }

  /** Time goes by, and enforcer and negotiator go on. */
  pass(seconds: number): void {
    this.now += seconds;
    this.put("sweeps/last", JSON.stringify({ sweptAt: this.now - 30 }));
    this.facts = { ...this.facts, negotiatedAt: this.now - 10 };
  }
}
