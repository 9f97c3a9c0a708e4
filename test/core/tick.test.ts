import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { startExpression } from "../../core/start-expression.ts";
import type { TickPorts } from "../../core/tick.ts";
import { findSetUp } from "../../core/publish.ts";
import { annex, SITE } from "../support/knobs.ts";
import { HookWorld } from "../support/hook.ts";
import { token } from "../support/token.ts";

async function published(): Promise<HookWorld> {
  const world = new HookWorld();
  await world.publish();
  return world;
}

const orders = (world: HookWorld) => world.deeds.filter((deed) => deed === "order").length;

test("24 jobs on 24 free slots order nothing, and 24 more order what is missing", async () => {
  const world = await published();
  world.free = Array.from({ length: 24 }, (_, i) => ({
    name: `slot${i}`,
    free: { cpus: 1, memory: 900, disk: 1e6, gpus: 0 },
  }));
  world.waiting(24);
  const first = await world.tick();
  assert.deepEqual([first["Recommended"], first["Ordered"], first["LimitedBy"]], [0, 0, "FreeSlots"]);
  assert.equal(orders(world), 0);
  world.waiting(48);
  const second = await world.tick();
  assert.deepEqual([second["JobsIdle"], second["JobsUnserved"]], [48, 24]);
  assert.deepEqual([second["Recommended"], second["Ordered"], second["LimitedBy"]], [12, 12, "None"]);
  assert.equal(second["LastOrder"], world.now);
});

test("what was ordered is not ordered again while it boots, nor when it has joined", async () => {
  const world = await published();
  world.waiting(24);
  await world.tick();
  world.pass(60);
  const booting = await world.tick();
  assert.deepEqual([booting["InFlight"], booting["Ordered"], booting["Target"]], [12, 0, 12]);
  world.join();
  const joined = await world.tick();
  assert.deepEqual([joined["Joined"], joined["SlotsIdle"], joined["Ordered"]], [12, 24, 0]);
  assert.equal(orders(world), 1);
});

test("the order has the hook's name, the annex's lease and idle time, and the same filter as the nodes' START", async () => {
  const world = await published();
  world.waiting(2);
  await world.tick();
  const tags = Object.fromEntries(
    world.requests[0]?.TagSpecifications[0]?.Tags.map(({ Key, Value }) => [Key, Value]) ?? [],
  );
  assert.equal(tags["htcondor:Owner"], "updraft-schedd");
  assert.equal(Number(tags["htcondor:LeaseExpiration"]) - world.now, world.knobs.leaseSeconds);
  assert.equal(tags["htcondor:IdleSeconds"], String(world.knobs.idleSeconds));
  const { jobs, owners } = world.knobs;
  assert.deepEqual(world.asked, [startExpression({ annex: "burst", schedd: SITE.schedd, jobs, owners })]);
  const archive = [...world.objects.keys()].find((key) => key.includes("/config/")) ?? "";
  assert.ok(
    JSON.parse(world.text(archive) ?? "{}")["50-updraft-annex.config"].includes(
      `START = ${world.asked[0]}\n`,
    ),
  );
});

test("nothing is ordered that would outlive the token of its nodes, and why is said", async () => {
  const world = new HookWorld();
  world.knobs = { ...world.knobs, credential: "idtoken" };
  world.credential = new TextEncoder().encode(token({ exp: world.now + world.knobs.leaseSeconds + 330 }));
  await world.publish();
  world.waiting(2);
  assert.equal((await world.tick())["Ordered"], 1);
  world.pass(60);
  world.waiting(24);
  const held = await world.tick();
  assert.deepEqual([held["Ordered"], held["LimitedBy"]], [0, "Setup"]);
  assert.match(String(held["Reason"]), /the token of annex burst ends at .*, and leases until/);
});

test("idle nodes are released when nothing needs them, and taken back when something does", async () => {
  const world = await published();
  world.waiting(4);
  await world.tick();
  world.join();
  world.jobs = [];
  await world.tick();
  world.pass(119);
  assert.equal((await world.tick())["Released"], 0, "two negotiation cycles have not passed");
  world.pass(2);
  const released = await world.tick();
  assert.deepEqual([released["Released"], released["Target"]], [2, 0]);
  assert.ok(world.instances.every((one) => one.tags["htcondor:Release"] === String(world.now)));
  world.waiting(1);
  const back = await world.tick();
  assert.deepEqual([back["Ordered"], back["Target"]], [0, 1]);
  assert.deepEqual(world.instances.map((one) => one.tags["htcondor:Release"]).sort(), [
    "",
    String(world.now),
  ]);
  assert.ok(!world.deeds.some((deed) => deed.startsWith("terminate")));
});

test("advice is published and nothing is done", async () => {
  const world = await published();
  world.knobs = annex({ mode: "advise", instanceTypes: ["m7i.large"] });
  world.waiting(4);
  const { Recommended, Ordered, LimitedBy, Reason } = await world.tick();
  assert.deepEqual([Recommended, Ordered, LimitedBy], [2, 0, "Advise"]);
  assert.match(String(Reason), /would order 2/);
  assert.deepEqual(world.deeds, []);
});

test("no order while UPDRAFT_STOP is set, the enforcer is silent, the clock wrong or nobody negotiates", async () => {
  const cases: [(world: HookWorld) => void, string][] = [
    [(world) => (world.stop = true), "Stop"],
    [(world) => world.objects.delete("sweeps/last"), "Enforcer"],
    [(world) => world.put("sweeps/last", "{"), "Enforcer"],
    [(world) => world.put("sweeps/last", JSON.stringify({ sweptAt: world.now - 400 })), "Enforcer"],
    [(world) => world.put("sweeps/last", JSON.stringify({ sweptAt: world.now + 400 })), "Clock"],
    [(world) => (world.facts = { ...world.facts, negotiatedAt: undefined }), "Negotiator"],
    [(world) => (world.facts = { ...world.facts, startable: undefined }), "Collector"],
  ];
  for (const [spoil, word] of cases) {
    const world = await published();
    world.waiting(4);
    spoil(world);
    const { LimitedBy, Ordered } = await world.tick();
    assert.deepEqual([LimitedBy, Ordered], [word, 0]);
    assert.deepEqual(world.deeds, []);
  }
});

const broken = (): Promise<never> => Promise.reject(new UpdraftError("failed", "it does not answer", "wait"));

test("a sensor that fails is never zero: nothing is decided, and its name is told", async () => {
  const sensors: [string, (ports: TickPorts) => Partial<TickPorts>][] = [
    ["Queue", (p) => ({ queue: { ...p.queue, jobs: broken } })],
    ["Queue", (p) => ({ matches: { ...p.matches, templates: broken } })],
    ["Collector", () => ({ pool: broken })],
    ["EC2", (p) => ({ recent: { ...p.recent, ec2: { ...p.ec2, instanceTypes: broken } } })],
    ["EC2", (p) => ({ ec2: { ...p.ec2, instances: broken } })],
    ["Journal", (p) => ({ journal: { ...p.journal, read: broken } })],
    ["Setup", (p) => ({ recent: lookingAnew(p, { cloudFormation: { stack: broken } }) })],
    ["Setup", (p) => ({ recent: lookingAnew(p, { account: broken }) })],
    ["Enforcer", (p) => ({ storage: () => ({ ...p.storage("", ""), get: brokenSweep(p) }) })],
  ];
  for (const [word, spoil] of sensors) {
    const world = await published();
    world.waiting(24);
    world.join();
    const result = await world.tick({ ...world.tickPorts, ...spoil(world.tickPorts) });
    assert.deepEqual([result.held, result["LimitedBy"]], [true, word]);
    assert.match(String(result["Reason"]), /it does not answer/);
    assert.deepEqual(world.deeds, []);
  }
});

test("which idle slots of the annex match is asked when it has one, and then not done without", async () => {
  const world = await published();
  world.waiting(4);
  const matches = { ...world.tickPorts.matches, idleAnnexSlots: broken };
  const ports = { ...world.tickPorts, matches };
  assert.equal((await world.tick(ports))["Recommended"], 2);
  world.join();
  const result = await world.tick(ports);
  assert.deepEqual([result.held, result["LimitedBy"]], [true, "Queue"]);
});

const brokenSweep = (ports: TickPorts) => (key: string) =>
  key === "sweeps/last" ? broken() : ports.storage("", "").get(key);

const lookingAnew = (ports: TickPorts, spoilt: Partial<TickPorts>): TickPorts["recent"] => ({
  ...ports.recent,
  setUp: (annex, site) => findSetUp({ ...ports, ...spoilt }, annex, site),
});

test("nothing is ordered by a set-up that was there when it was last looked at and is gone", async () => {
  const world = await published();
  world.waiting(24);
  const setUp = await world.tickPorts.recent.setUp(world.knobs, SITE);
  const recent = { ...world.tickPorts.recent, setUp: async () => setUp };
  const gone = { ...world.tickPorts, recent, cloudFormation: { stack: async () => undefined } };
  const { Ordered, Recommended, LimitedBy, Reason } = await world.tick(gone);
  assert.deepEqual([Ordered, Recommended, LimitedBy], [0, 12, "Setup"]);
  assert.match(String(Reason), /is not set up/);
  assert.deepEqual(world.deeds, []);
  assert.equal((await world.tick({ ...world.tickPorts, recent }))["Ordered"], 12);
});

test("a fault of our own is not taken for a sensor", async () => {
  const world = await published();
  const queue = { ...world.tickPorts.queue, jobs: () => Promise.reject(new TypeError("bug")) };
  await assert.rejects(world.tick({ ...world.tickPorts, queue }), TypeError);
  world.waiting(1);
  const ec2 = { ...world.ec2, subnets: () => Promise.reject(new TypeError("bug")) };
  await assert.rejects(world.tick({ ...world.tickPorts, ec2 }), TypeError);
});

test("readings that contradict each other decide nothing", async () => {
  const world = await published();
  world.waiting(4);
  await world.tick();
  world.join();
  await world.tick();
  const all = world.instances;
  world.instances = [];
  assert.match(String((await world.tick())["Reason"]), /which EC2 does not list/);
  world.instances = all;
  world.annexSlots = [];
  world.waiting(24);
  const lost = await world.tick();
  assert.deepEqual([lost.held, lost["LimitedBy"]], [true, "Collector"]);
  assert.equal(orders(world), 1);
});

test("what has been lost for ten minutes is late, and no longer in the way", async () => {
  const world = await published();
  world.waiting(4);
  await world.tick();
  world.join();
  await world.tick();
  world.annexSlots = [];
  world.pass(601);
  const { Late, Ordered } = await world.tick();
  assert.deepEqual([Late, Ordered], [2, 2]);
});

test("a memory from a clock that was ahead is not believed", async () => {
  const world = await published();
  world.waiting(2);
  await world.tick();
  world.memory = {
    ...world.memory,
    joined: { "i-1": world.now + 9999 },
    idleSince: { "i-1": world.now + 9999 },
  };
  assert.equal((await world.tick())["InFlight"], 1);
});

test("an annex that is not published, or whose knobs have changed since, is not ordered for", async () => {
  const world = new HookWorld();
  world.waiting(2);
  const unpublished = await world.tick();
  assert.deepEqual([unpublished["LimitedBy"], unpublished["Ordered"]], ["Setup", 0]);
  assert.match(String(unpublished["LastError"]), /annex burst is not published/);
  await world.publish();
  world.knobs = { ...world.knobs, jobs: "Other =?= 1" };
  assert.match(String((await world.tick())["LastError"]), /stale: the knobs have changed since/);
  world.put("annexes/burst/annex.ini", "garbage");
  assert.match(String((await world.tick())["LastError"]), /is stale/);
  assert.equal(orders(world), 0);
});

test("EC2 that has fewer, or refuses, is told with its reason", async () => {
  const world = await published();
  world.waiting(8);
  const errors = [{ code: "InsufficientInstanceCapacity", message: "none in us-east-1a" }];
  world.fleetAnswers.push({ outcome: "answered", instanceIds: ["i-1"], errors });
  const partial = await world.tick();
  assert.deepEqual([partial["LimitedBy"], partial["Ordered"]], ["Capacity", 1]);
  assert.match(String(partial["LastError"]), /launched 1 of 4: InsufficientInstanceCapacity: none/);
  const unauthorized = [{ code: "UnauthorizedOperation", message: "the statement X denies it" }];
  world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors: unauthorized });
  const inside = await world.tick();
  assert.equal(inside["LimitedBy"], "Denied");
  assert.match(String(inside["Reason"]), /the statement X denies it/);
  const refusing = (kind: "denied" | "failed") => ({
    ...world.ec2,
    createFleet: () => Promise.reject(new UpdraftError(kind, "EC2 says no", "r")),
  });
  const denied = await world.tick({ ...world.tickPorts, ec2: refusing("denied") });
  assert.deepEqual([denied["LimitedBy"], denied["LastError"]], ["Denied", "EC2 says no"]);
  assert.equal((await world.tick({ ...world.tickPorts, ec2: refusing("failed") }))["LimitedBy"], "EC2");
  assert.equal(world.journalFiles.size, 0, "a definite refusal leaves nothing in the journal");
});

test("after EC2 refused everywhere it is not asked again for minutes, and the reason says until when", async () => {
  const world = await published();
  world.waiting(8);
  const place = { type: "m7i.large", subnet: "subnet-1", zone: "us-east-1a" };
  const errors = [{ code: "VcpuLimitExceeded", message: "limit of 5", ...place }];
  world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors });
  assert.equal((await world.tick())["LimitedBy"], "Quota");
  world.pass(60);
  const held = await world.tick();
  assert.deepEqual([held["LimitedBy"], held["Ordered"], held["Recommended"]], ["Quota", 0, 4]);
  assert.match(String(held["Reason"]), /is asked again from \S+Z on: .* quota L-1216C47A on-demand until/);
  assert.equal(world.requests.length, 1);
  world.pass(240);
  assert.equal((await world.tick())["Ordered"], 4);
});

test("an order whose answer is lost counts as placed, and the next tick sends the very same request", async () => {
  const world = await published();
  world.waiting(8);
  world.fleetAnswers.push({ outcome: "unknown", reason: "the connection broke" });
  const lost = await world.tick();
  assert.deepEqual([lost["Ordered"], lost["LimitedBy"]], [0, "EC2"]);
  assert.match(String(lost["LastError"]), /nobody knows yet whether order .* was placed/);
  world.pass(60);
  const next = await world.tick();
  assert.deepEqual([next["Instances"], next["InFlight"], next["Ordered"]], [4, 4, 0]);
  assert.deepEqual(world.requests[0], world.requests[1]);
  assert.equal(world.requests.length, 2);
});

test("while nothing may be ordered, an order whose answer was lost is not sent again but looked for", async () => {
  const world = await published();
  world.waiting(8);
  world.fleetAnswers.push({ outcome: "unknown", reason: "the connection broke" });
  await world.tick();
  world.stop = true;
  const stopped = await world.tick();
  assert.deepEqual([stopped["InFlight"], stopped["LimitedBy"]], [4, "Stop"]);
  assert.equal(world.requests.length, 1);
  world.pass(600);
  assert.equal((await world.tick())["InFlight"], 0, "absent for ten minutes");
  assert.equal(world.journalFiles.size, 0);
});

test("a release that EC2 refuses is told and does not stop the rest", async () => {
  const world = await published();
  world.waiting(2);
  await world.tick();
  world.join();
  world.jobs = [];
  await world.tick();
  world.pass(200);
  const ec2 = { ...world.ec2, tag: broken };
  const { Released, LimitedBy, LastError } = await world.tick({ ...world.tickPorts, ec2 });
  assert.deepEqual([Released, LimitedBy, LastError], [0, "EC2", "it does not answer"]);
});

test("jobs held back by the schedd's own limit and jobs too large are told and order nothing", async () => {
  const world = await published();
  world.waiting(4);
  world.facts = { ...world.facts, startable: 0 };
  assert.equal((await world.tick())["LimitedBy"], "MaxJobsRunning");
  world.facts = { ...world.facts, startable: 100 };
  world.jobs = world.jobs.map((job) => ({ ...job, request: { ...job.request, memory: 1e6 } }));
  assert.equal((await world.tick())["LimitedBy"], "Shape");
  assert.equal(orders(world), 0);
});

/** So that each instance of eight hours costs 0.101 × (28800 + 120) / 3600 = 0.8114 USD. */
const limited = (maxLiability: number | undefined) =>
  annex({ mode: "act", instanceTypes: ["m7i.large"], maxLiability });

const orderedSoFar = (world: HookWorld) => world.instances.length;

test("the liability's limit cuts the order to what it admits, and then admits none", async () => {
  const world = await published();
  world.knobs = limited(2.5);
  world.waiting(24);
  const first = await world.tick();
  assert.deepEqual([first["Recommended"], first["Ordered"], first["LimitedBy"]], [3, 3, "Liability"]);
  assert.match(
    String(first["Reason"]),
    /12 more instances needed, 0 on the way; MAX_LIABILITY 2\.5 USD cuts 9; order 3/,
  );
  assert.ok(Math.abs(Number(first["Liability"]) - 3 * 0.101 * (28920 / 3600)) < 1e-9);
  assert.ok(Math.abs(Number(first["HourlyCost"]) - 0.303) < 1e-9);
  assert.equal(first["LiabilityLimit"], 2.5);
  const second = await world.tick();
  assert.deepEqual([second["Ordered"], second["LimitedBy"]], [0, "Liability"]);
  assert.equal(orderedSoFar(world), 3);
  world.knobs = limited(undefined);
  const third = await world.tick();
  assert.deepEqual([third["Ordered"], third["LiabilityLimit"]], [9, undefined]);
});

test("an order whose outcome is unknown counts against the limit before EC2 shows it", async () => {
  const world = await published();
  world.knobs = limited(2.5);
  world.waiting(24);
  world.fleetAnswers.push({ outcome: "unknown", reason: "the connection broke" });
  await world.tick();
  world.stop = true;
  const { Liability, InFlight } = await world.tick();
  assert.equal(InFlight, 3);
  assert.ok(Math.abs(Number(Liability) - 3 * 0.101 * (28920 / 3600)) < 1e-9);
});

test("an unknown price orders nothing, is told, and is not published as 0", async () => {
  const world = await published();
  world.book = { ...world.book, onDemand: {} };
  world.waiting(4);
  const { Ordered, LimitedBy, LastError, Liability, HourlyCost } = await world.tick();
  assert.deepEqual([Ordered, LimitedBy, Liability, HourlyCost], [0, "Setup", undefined, undefined]);
  assert.match(String(LastError), /the price of m7i\.large in us-east-1 is not known/);
  assert.equal(orders(world), 0);
  const prices = () => Promise.reject(new TypeError("bug"));
  await assert.rejects(world.tick({ ...world.tickPorts, prices }), TypeError);
});

test("every tick writes down what began and what ended since the last", async () => {
  const world = await published();
  world.waiting(4);
  await world.tick();
  await world.tick();
  assert.equal(world.ledgerText.match(/"launched":\{/g)?.length, 2);
  world.instances = world.instances.map((one) => ({ ...one, state: "terminated" }));
  await world.tick();
  await world.tick();
  assert.equal(world.ledgerText.match(/"ended":\{/g)?.length, 2);
});
