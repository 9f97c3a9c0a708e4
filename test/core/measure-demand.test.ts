import assert from "node:assert/strict";
import { test } from "node:test";
import { demandOnAnnex, demandOnPool } from "../../core/measure-demand.ts";
import { HookWorld } from "../support/hook.ts";
import { SITE } from "../support/knobs.ts";

async function published(): Promise<HookWorld> {
  const world = new HookWorld();
  await world.publish();
  return world;
}

test("of an image that nobody has seen one instance is ordered first, and the rest when it has joined", async () => {
  const world = await published();
  world.slotSeen = false;
  world.waiting(24);
  const first = await world.tick();
  assert.deepEqual([first["Ordered"], first["LimitedBy"]], [1, "Probe"]);
  world.pass(60);
  assert.equal((await world.tick())["Ordered"], 0, "while it is on its way");
  world.join();
  world.slotSeen = true;
  const joined = await world.tick();
  assert.deepEqual([joined["Ordered"], joined["LimitedBy"]], [11, "None"]);
  assert.deepEqual(world.learned, [`${world.instances[0]?.imageId} m7i.large i-1`]);
});

test("jobs that an instance would not match are no demand, and those that are too large have a word of their own", async () => {
  const world = await published();
  world.waiting(24);
  world.matchingTemplates = 0;
  const { LimitedBy, Reason, Ordered } = await world.tick();
  assert.deepEqual([LimitedBy, Ordered], ["Requirements", 0]);
  assert.match(String(Reason), /24 whose requirements an instance of the annex would not meet/);
  world.jobs = world.jobs.map((some) => ({ ...some, request: { ...some.request, cpus: 64 } }));
  assert.equal((await world.tick())["LimitedBy"], "Shape");
});

test("jobs that idle nodes match and that do not start are left alone, and the nodes are let go", async () => {
  const world = await published();
  world.waiting(4);
  await world.tick();
  world.join();
  world.matchingIdle = 2;
  world.waiting(40);
  const words: unknown[] = [];
  for (let cycle = 0; cycle < 5; cycle++) {
    world.pass(60);
    words.push((await world.tick())["LimitedBy"]);
  }
  assert.deepEqual(words.slice(-2), ["NoStart", "NoStart"]);
  const { Reason, Released } = await world.tick();
  assert.match(String(Reason), /40 that idle nodes of the annex match and that do not start there/);
  assert.ok(Number(Released) <= 2);
});

test("jobs that a factory has not made yet are named when nothing else is to be done", async () => {
  const world = await published();
  world.facts = { ...world.facts, unmaterialized: 99 };
  world.unmaterialized = 40;
  const { LimitedBy, JobsUnmaterialized } = await world.tick();
  assert.deepEqual([LimitedBy, JobsUnmaterialized], ["Factory", 40]);
});

test("each user's shape tells what waits, what only the annex could serve, and what runs where", async () => {
  const world = new HookWorld();
  world.waiting(30);
  world.free = [{ name: "slot1", free: { cpus: 10, memory: 9999, disk: 1e9, gpus: 0 } }];
  const running = { user: "alice@pool.test", autocluster: 1 };
  world.running = [
    { ...running, count: 5, annex: "burst" },
    { ...running, count: 7, annex: undefined },
    { ...running, count: 2, annex: "other" },
    { ...running, count: 9, user: "bob@pool.test", annex: "burst" },
  ];
  const annex = { annex: world.knobs, site: SITE };
  const onPool = await demandOnPool(world.tickPorts, {
    ...annex,
    pool: await world.tickPorts.pool("burst", SITE.schedd),
    queued: await world.tickPorts.queue.jobs("true", { factories: false }),
    noStart: {},
    others: [],
  });
  const found = await demandOnAnnex(world.tickPorts, annex, onPool);
  assert.equal(found.jobs, 30);
  assert.deepEqual(
    found.shapes.map(({ user, count, unserved, runningHere, runningElsewhere, oldest }) => [
      user,
      count,
      unserved,
      runningHere,
      runningElsewhere,
      world.now - oldest,
    ]),
    [["alice@pool.test", 30, 20, 5, 9, 600]],
  );
});
