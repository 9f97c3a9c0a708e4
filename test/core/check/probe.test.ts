import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { carryOutProbe, describeProbe, planProbe, type ProbeTerms } from "../../../core/check/probe.ts";
import { UpdraftError } from "../../../core/errors.ts";
import type { OrderPlan } from "../../../core/plan-order.ts";
import { planPublication, writeAnnex } from "../../../core/publish.ts";
import { World } from "../../support/cloud.ts";
import { SITE, annex } from "../../support/knobs.ts";

const KNOBS = annex({ subnets: ["subnet-1", "subnet-2"], purchase: "spot" });
const TERMS: ProbeTerms = { type: undefined, subnet: undefined, user: "root" };
const KEY = "reports/burst/AROA1:i-1";

async function published(): Promise<World> {
  const world = new World();
  await writeAnnex(world.ports, await planPublication(world.ports, KNOBS, SITE));
  world.deeds.length = 0;
  return world;
}

const plan = (world: World, changes: Partial<ProbeTerms> = {}): Promise<OrderPlan> =>
  planProbe(world.ports, KNOBS, SITE, { ...TERMS, ...changes });

const control = (interrupted: () => boolean = () => false) => ({
  exclusively: <T>(work: () => Promise<T>): Promise<T> => work(),
  interrupted,
});

/** Something that happens while the probe is waited for. */
function meanwhile(world: World, seconds: number, happens: () => void) {
  const until = world.now + seconds;
  const sleep = async (length: number): Promise<void> => {
    await world.clock.sleep(length);
    if (world.now >= until) happens();
  };
  return { ...world.ports, clock: { ...world.clock, sleep } };
}

const passed = (name: string) => ({ name, passed: true, what: "well" });
const report = (tests: object[]): string =>
  JSON.stringify({ format: 1, probe: true, annex: "burst", instanceId: "i-1", startedAt: 0, tests });

describe("the plan of a probe", () => {
  test("is one instance on demand, in one subnet, for ten minutes, and says by its tag what it is", async () => {
    const world = await published();
    const made = await plan(world);
    assert.deepEqual(
      [made.count, made.leaseSeconds, made.annex.purchase, made.subnets.map((one) => one.id)],
      [1, 600, "on-demand", ["subnet-1"]],
    );
    await carryOutProbe(
      meanwhile(world, 2, () => world.put(KEY, report([]))),
      made,
      control(),
    );
    const tags = Object.fromEntries(
      world.requests[0]?.TagSpecifications[0]?.Tags.map((one) => [one.Key, one.Value]) ?? [],
    );
    assert.equal(tags["htcondor:Probe"], "true");
    assert.equal(Number(tags["htcondor:LeaseExpiration"]) - Number(tags["htcondor:OrderedAt"]), 600);
  });

  test("takes the type and the subnet that are given, and no others", async () => {
    const world = await published();
    const made = await plan(world, { type: "t3.micro", subnet: "subnet-2" });
    assert.deepEqual(
      [made.types.map((one) => one.type), made.subnets.map((one) => one.id)],
      [["t3.micro"], ["subnet-2"]],
    );
    await assert.rejects(plan(world, { subnet: "subnet-9" }), {
      kind: "usage",
      remedy: /subnet-1, subnet-2/,
    });
  });

  test("takes the cheapest type, and the smallest where a price is not known", async () => {
    const world = await published();
    const chosen = async (onDemand: Record<string, number>): Promise<string | undefined> => {
      const book = { ...world.book, onDemand: { RunInstances: onDemand } };
      const ec2 = {
        ...world.ec2,
        instanceTypes: async (types: readonly string[]) =>
          types.map((type) => ({
            type,
            burstable: false,
            cpus: type === "m6i.large" ? 2 : 8,
            memory: 1,
            gpus: 0,
          })),
      };
      const ports = { ...world.ports, ec2, prices: async () => book };
      return (await planProbe(ports, { ...KNOBS, maxPrice: 0.2 }, SITE, TERMS)).types[0]?.type;
    };
    assert.equal(await chosen({ "m7i.large": 0.1, "m6i.large": 0.11 }), "m7i.large");
    assert.equal(await chosen({ "m7i.large": 0.12, "m6i.large": 0.11 }), "m6i.large");
    assert.equal(await chosen({ "m7i.large": 0.1 }), "m6i.large");
  });

  test("needs an annex that is published as its knobs stand", async () => {
    const world = new World();
    await assert.rejects(plan(world), { kind: "config", remedy: /updraft publish burst/ });
  });

  test("shows what it costs at most: ten minutes, and what an end takes", async () => {
    const world = await published();
    const bounded = { ...KNOBS, maxPrice: 0.3 };
    const made = await planProbe(world.ports, bounded, SITE, TERMS);
    const [, amount, source] = /at most ([\d.]+) USD \(by (\w+);/.exec(describeProbe(made)) ?? [];
    assert.ok(Math.abs(Number(amount) - 0.06) < 0.002, amount);
    assert.equal(source, "UPDRAFT_burst_MAX_PRICE");
  });
});

describe("a probe", () => {
  const outcome = async (text: string) => {
    const world = await published();
    const ports = meanwhile(world, 4, () => world.put(KEY, text));
    return { world, found: await carryOutProbe(ports, await plan(world), control()) };
  };

  test("that passes is told test by test, and is ended", async () => {
    const { world, found } = await outcome(report([passed("S3"), passed("schedd cm.pool.test")]));
    assert.deepEqual(
      found.map((one) => [one.of, one.piece, one.level, one.what]),
      [
        ["burst", "probe", "ok", "S3: well"],
        ["burst", "probe", "ok", "schedd cm.pool.test: well"],
      ],
    );
    assert.equal(world.deeds.at(-1), "terminate i-1");
  });

  test("names each test that failed, with what to do", async () => {
    const failed = ["name a", "collector a", "credential at a"].map((name) => ({
      ...passed(name),
      passed: false,
    }));
    const { found } = await outcome(report(failed));
    assert.deepEqual([...new Set(found.map((one) => one.level))], ["wrong"]);
    assert.match(found[0]?.next ?? "", /name service of the VPC of subnet-1/);
    assert.match(found[1]?.next ?? "", /Open a way from subnet-1/);
    assert.match(found[2]?.next ?? "", /ALLOW_ADVERTISE_STARTD/);
  });

  test("that could not boot is told by its step", async () => {
    const boot = {
      format: 1,
      step: "Configuration",
      reason: "S3 does not answer",
      remedy: "Look at the role.",
    };
    const { found } = await outcome(JSON.stringify(boot));
    assert.deepEqual([found[0]?.level, found[0]?.next], ["wrong", "Look at the role."]);
    assert.match(found[0]?.what ?? "", /step Configuration: S3 does not answer/);
  });

  test("whose report cannot be read is told so", async () => {
    assert.match((await outcome("{")).found[0]?.what ?? "", /cannot be read/);
  });

  test("that ends without a word is told, with where to look", async () => {
    const world = await published();
    const ports = meanwhile(world, 10, () => {
      world.instances = world.instances.map((one) => ({ ...one, state: "terminated" }));
    });
    const [found] = await carryOutProbe(ports, await plan(world), control());
    assert.match(found?.what ?? "", /is terminated and has reported nothing/);
    assert.match(found?.next ?? "", /get-console-output --instance-id i-1/);
  });

  test("that EC2 never shows is given up after a minute, and one that goes on for ever at its lease", async () => {
    const world = await published();
    const invisible = { ...world.ports, ec2: { ...world.ec2, instances: async () => [] } };
    const started = world.now;
    assert.match((await carryOutProbe(invisible, await plan(world), control()))[0]?.what ?? "", /is gone/);
    assert.equal(world.now - started, 60);
    const other = await published();
    assert.match(
      (await carryOutProbe(other.ports, await plan(other), control()))[0]?.what ?? "",
      /is running/,
    );
    assert.equal(other.now - started, 600);
  });

  test("that EC2 does not launch is told with EC2's reason", async () => {
    const world = await published();
    const errors = [{ code: "InsufficientInstanceCapacity", message: "none" }];
    world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors });
    const [found] = await carryOutProbe(world.ports, await plan(world), control());
    assert.match(found?.what ?? "", /InsufficientInstanceCapacity: none/);
    assert.ok(!world.deeds.some((deed) => deed.startsWith("terminate")));
  });

  test("that is interrupted is ended", async () => {
    const world = await published();
    await assert.rejects(
      carryOutProbe(
        world.ports,
        await plan(world),
        control(() => true),
      ),
      {
        message: "the probe was interrupted",
      },
    );
    assert.equal(world.deeds.at(-1), "terminate i-1");
  });

  test("is ended when the collector of its report fails, and its lease is named when it cannot be", async () => {
    const world = await published();
    const made = await plan(world);
    const storage = {
      ...world.storage,
      get: async () => Promise.reject(new UpdraftError("failed", "S3 is away", "")),
    };
    const ec2 = { ...world.ec2, terminate: async () => Promise.reject(new Error("no")) };
    const ports = { ...world.ports, storage: () => storage, ec2 };
    await assert.rejects(carryOutProbe(ports, made, control()), { message: "S3 is away" });
    assert.match(world.said.at(-1) ?? "", /could not terminate the probe \(no\): its lease ends it/);
  });
});
