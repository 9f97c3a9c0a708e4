import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_MEMORY } from "../../core/hook-memory.ts";
import { tick } from "../../core/tick.ts";
import { HookWorld } from "../support/hook.ts";
import { SITE } from "../support/knobs.ts";

async function published(): Promise<HookWorld> {
  const world = new HookWorld();
  await world.publish();
  return world;
}

const orders = (world: HookWorld): number => world.deeds.filter((deed) => deed === "order").length;

/** All that live end by themselves, as nodes do that cannot boot. */
function dieBooting(world: HookWorld): void {
  world.instances = world.instances.map((one) => ({
    ...one,
    state: "terminated",
    ended: one.ended ?? world.now,
    endCode: "Client.InstanceInitiatedShutdown",
  }));
}

/** Runs of the hook a minute apart, while every node dies as it boots. */
async function failing(world: HookWorld, runs: number) {
  const said = [];
  for (let run = 0; run < runs; run++) {
    dieBooting(world);
    world.pass(60);
    said.push(await world.tick());
  }
  return said;
}

test("when three orders in a row bring no node to work, it stops, says what the node said, and tries one later", async () => {
  const world = await published();
  world.waiting(8);
  const said = await failing(world, 3);
  assert.deepEqual(
    said.map(({ Ordered }) => Ordered),
    [4, 4, 4],
  );
  const last = world.instances.at(-1);
  world.put(
    `reports/burst/AROA1:${last?.id}`,
    JSON.stringify({ step: "Disks", reason: "none", remedy: "Buy one." }),
  );
  const [open] = await failing(world, 1);
  assert.deepEqual(
    [open?.["Breaker"], open?.["Ordered"], open?.["Recommended"], open?.["LimitedBy"]],
    ["open", 0, 0, "Breaker"],
  );
  assert.match(
    String(open?.["Reason"]),
    /the last node said Disks: none\. Buy one\.; one instance is tried in 10m$/,
  );
  await failing(world, 9);
  assert.equal(orders(world), 3);
  const [half] = await failing(world, 1);
  assert.deepEqual([half?.["Breaker"], half?.["Ordered"], half?.["LimitedBy"]], ["half-open", 1, "Breaker"]);
  world.pass(60);
  assert.equal((await world.tick())["Ordered"], 0, "that one is awaited");
  world.join();
  world.pass(130);
  await world.tick();
  world.pass(130);
  assert.equal((await world.tick())["Breaker"], "closed");
});

test("a breaker whose memory is lost at every run opens by what EC2 shows", async () => {
  const world = await published();
  world.waiting(8);
  for (let run = 0; run < 12; run++) {
    world.memory = NO_MEMORY;
    await failing(world, 1);
  }
  assert.equal(orders(world), 3);
});

test("instances that are kept are ordered not to end when idle, in an order of their own, and others end as usual", async () => {
  const world = await published();
  world.knobs = { ...world.knobs, minInstances: 1 };
  await world.publish();
  assert.equal((await world.tick())["Ordered"], 1);
  world.waiting(8);
  world.pass(60);
  assert.ok(Number((await world.tick())["Ordered"]) > 0);
  const idle = world.instances.map(({ tags }) => Number(tags["htcondor:IdleSeconds"]));
  assert.deepEqual([idle[0], idle[1]], [world.knobs.leaseSeconds, world.knobs.idleSeconds]);
});

test("a user's jobs beyond OWNER_MAX_JOBS are not ordered for, and the reason says so", async () => {
  const world = await published();
  world.knobs = { ...world.knobs, ownerMaxJobs: 2 };
  world.waiting(8);
  const said = await world.tick();
  assert.deepEqual([said["Ordered"], said["JobsUnserved"], said["LimitedBy"]], [1, 2, "None"]);
  assert.match(String(said["Reason"]), /6 of users who have OWNER_MAX_JOBS jobs there/);
});

test("jobs for which another annex has ordered are left to it, and what this one has ordered is told to the others", async () => {
  const world = await published();
  world.waiting(8);
  const terms = { annex: world.knobs, site: SITE, stop: false, memory: NO_MEMORY };
  const first = await tick(world.tickPorts, { ...terms, others: [] });
  assert.ok("memory" in first);
  const { claims, cpuPrice } = first.memory.share;
  assert.deepEqual(Object.values(claims?.jobs ?? {}), [8]);
  assert.ok((cpuPrice ?? 0) > 0);
  world.instances = [];
  world.journalFiles.clear();
  const second = await tick(world.tickPorts, { ...terms, others: claims === undefined ? [] : [claims] });
  assert.ok("memory" in second);
  assert.deepEqual([second.attributes["Ordered"], second.attributes["LimitedBy"]], [0, "OtherAnnex"]);
  assert.equal(orders(world), 1);
});

test("the price of a CPU is known before the first job comes, where there are several annexes", async () => {
  const world = await published();
  const found = await tick(world.tickPorts, {
    annex: world.knobs,
    site: SITE,
    stop: false,
    memory: NO_MEMORY,
    others: [],
    hold: { limitedBy: "Sharing", reason: "first" },
  });
  assert.ok("memory" in found && (found.memory.share.cpuPrice ?? 0) > 0);
  assert.equal(found.attributes["LimitedBy"], "Sharing");
});
