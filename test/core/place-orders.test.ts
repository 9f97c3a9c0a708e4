import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { formatEntry, parseEntry, type JournalEntry } from "../../core/journal.ts";
import { BRISK, checkPlanRoom, placeOrders, reconcile, type OrderPorts } from "../../core/place-orders.ts";
import { planCreate } from "../../core/create.ts";
import { World } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";
import { SITE, annex } from "../support/knobs.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };

const planned = (world: World, count = 3) =>
  planCreate(world.ports, annex({ maxInstances: 5 }), SITE, {
    count,
    leaseSeconds: () => 3600,
    idleSeconds: 600,
    instanceTypes: ["m7i.large"],
    user: "alice",
  });

const settled = (world: World, replay = true, ports: OrderPorts = world.ports) =>
  reconcile(ports, OWNER, "us-east-1", replay);

class Killed extends Error {}

/** EC2 knows tokens: the same request again gives the same instances. */
function idempotent(world: World): OrderPorts {
  const known = new Map<string, readonly string[]>();
  return {
    ...world.ports,
    ec2: {
      ...world.ec2,
      createFleet: async (request) => {
        const before = known.get(request.ClientToken);
        if (before !== undefined) {
          world.deeds.push("repeat");
          return { outcome: "answered", instanceIds: before, errors: [] };
        }
        const result = await world.ec2.createFleet(request);
        if (result.outcome === "answered") known.set(request.ClientToken, result.instanceIds);
        return result;
      },
    },
  };
}

test("the request is in the journal before it leaves, and its outcome after", async () => {
  const world = new World();
  await placeOrders(world.ports, await planned(world));
  assert.deepEqual(world.deeds, ["intend", "order", "answered"]);
  const [text = ""] = world.journalFiles.values();
  const kept = parseEntry(text) as JournalEntry;
  assert.deepEqual(JSON.parse(kept.request), world.requests[0]);
  assert.deepEqual(kept.answer?.instanceIds, ["i-1", "i-2", "i-3"]);
  await settled(world);
  assert.equal(world.journalFiles.size, 0);
});

test("killed before the request: the next run places it, once", async () => {
  const world = new World();
  const ports = idempotent(world);
  const dying = { ...ports, ec2: { ...ports.ec2, createFleet: () => Promise.reject(new Killed()) } };
  await assert.rejects(placeOrders(dying, await planned(world)), Killed);
  assert.equal(world.instances.length, 0);
  const { instances, unseen } = await settled(world, true, ports);
  assert.deepEqual([instances.length, unseen], [3, 0]);
  assert.equal((await settled(world, true, ports)).instances.length, 3);
});

test("killed after the effect and before the answer: the next run finds its instances and orders no others", async () => {
  const world = new World();
  const ports = idempotent(world);
  const dying = {
    ...ports,
    ec2: {
      ...ports.ec2,
      createFleet: async (request: Parameters<typeof ports.ec2.createFleet>[0]) => {
        await ports.ec2.createFleet(request);
        throw new Killed();
      },
    },
  };
  await assert.rejects(placeOrders(dying, await planned(world)), Killed);
  const { instances, unseen } = await settled(world, true, ports);
  assert.deepEqual([instances.length, unseen], [3, 0]);
  assert.equal(world.requests.length, 1);
  assert.equal(world.journalFiles.size, 0);
});

test("killed after the effect while EC2 does not show it yet: the request is repeated, and EC2 knows its token", async () => {
  const world = new World();
  const ports = idempotent(world);
  let shown = false;
  const late = { ...ports, ec2: { ...ports.ec2, instances: async () => (shown ? world.instances : []) } };
  const journal = {
    ...ports.journal,
    write: async (e: JournalEntry) => {
      if (e.answer !== undefined) throw new Killed();
      await ports.journal.write(e);
    },
  };
  await assert.rejects(placeOrders({ ...late, journal }, await planned(world)), Killed);
  assert.deepEqual((await settled(world, true, late)).unseen, 3);
  assert.ok(world.deeds.includes("repeat"));
  shown = true;
  const { instances, unseen } = await settled(world, true, late);
  assert.deepEqual([instances.length, unseen, world.journalFiles.size], [3, 0, 0]);
});

test("instances of an order that EC2 does not show yet count against MAX_INSTANCES", async () => {
  const world = new World();
  const plan = await planned(world);
  world.journalFiles.set("0000000000000001", formatEntry(entry({ sentAt: world.now, count: 3 })));
  const known = await settled(world, false);
  assert.equal(known.unseen, 3);
  assert.throws(() => checkPlanRoom(plan, known), /3 more would make 6 instances/);
  checkPlanRoom({ ...plan, count: 2 }, known);
});

test("an order that is older than ten minutes is not sent again", async () => {
  const world = new World();
  world.journalFiles.set(
    "0000000000000001",
    formatEntry(entry({ orderedAt: world.now - 700, sentAt: world.now - 5 })),
  );
  assert.equal((await settled(world)).unseen, 3);
  assert.equal(world.requests.length, 0);
  world.now += 600;
  assert.equal((await settled(world)).unseen, 0);
  assert.match(world.said.join("\n"), /EC2 does not show 3 of 3 after 10m/);
});

test("a repetition that EC2 refuses does not make the order undone", async () => {
  const world = new World();
  world.journalFiles.set(
    "0000000000000001",
    formatEntry(entry({ orderedAt: world.now - 5, sentAt: world.now - 5 })),
  );
  const refusing = (reason: unknown) => ({
    ...world.ports,
    ec2: { ...world.ec2, createFleet: () => Promise.reject(reason) },
  });
  const refused = refusing(new UpdraftError("denied", "EC2 says no", "r"));
  assert.equal((await settled(world, true, refused)).unseen, 3);
  assert.equal(world.journalFiles.size, 1);
  assert.match(world.said.join("\n"), /EC2 says no/);
  await assert.rejects(settled(world, true, refusing(new TypeError("bug"))), TypeError);
});

test("orders of other annexes are left alone", async () => {
  const world = new World();
  const foreign = entry({ region: "eu-west-1" });
  world.journalFiles.set(foreign.orderId, formatEntry(foreign));
  assert.deepEqual(await settled(world), { at: world.now, instances: [], pending: [], unseen: 0 });
  assert.equal(world.journalFiles.size, 1);
});

test("a journal that cannot be read stops every order, and is kept", async () => {
  const world = new World();
  world.journalFiles.set("0000000000000001", formatEntry(entry()).slice(0, 100));
  await assert.rejects(
    settled(world),
    /the journal of orders cannot be read: 0000000000000001: it is cut short/,
  );
  assert.equal(world.journalFiles.size, 1);
  assert.equal(world.requests.length, 0);
});

test("a hook does not wait for an answer that is lost, nor for a profile that EC2 does not know yet", async () => {
  const world = new World();
  const plan = await planned(world);
  const before = world.now;
  world.fleetAnswers.push({ outcome: "unknown", reason: "the answer was lost" });
  await assert.rejects(placeOrders(world.ports, plan, BRISK), /nobody knows yet/);
  const errors = [{ code: "InvalidParameterValue", message: "Invalid IAM Instance Profile name" }];
  world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors });
  const [placed] = await placeOrders(world.ports, plan, BRISK);
  assert.deepEqual(
    placed?.errors,
    errors.map((error) => ({ ...error, market: "on-demand" })),
  );
  assert.equal(world.now, before);
});

test("an answer with nothing in it leaves nothing in the journal", async () => {
  const world = new World();
  world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors: [{ code: "X", message: "y" }] });
  await placeOrders(world.ports, await planned(world), BRISK);
  assert.equal(world.journalFiles.size, 0);
});

test("fewer on-demand instances than were asked for, without a reason, are put down to the maximum price", async () => {
  const world = new World();
  const plan = { ...(await planned(world)), annex: annex({ maxPrice: 0.02 }) };
  const nothing = { outcome: "answered", instanceIds: [], errors: [] } as const;
  world.fleetAnswers.push(nothing);
  const [placed] = await placeOrders(world.ports, plan, BRISK);
  assert.deepEqual(placed?.errors, [
    {
      code: "MaxTotalPrice",
      message:
        "3 more would probably cost more than UPDRAFT_burst_MAX_PRICE = 0.02 allows: see updraft prices --annex burst",
    },
  ]);
  world.fleetAnswers.push(nothing, nothing);
  assert.deepEqual((await placeOrders(world.ports, await planned(world), BRISK))[0]?.errors, []);
  const spot = { ...plan, annex: annex({ maxPrice: 0.02, purchase: "spot" }) };
  assert.deepEqual((await placeOrders(world.ports, spot, BRISK))[0]?.errors, []);
});
