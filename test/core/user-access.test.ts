import assert from "node:assert/strict";
import { test } from "node:test";
import { carryOutDelete, planDelete } from "../../core/delete.ts";
import { planCreate } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import { formatOwner } from "../../core/owner.ts";
import { checkPlanRoom, placeOrders, reconcile } from "../../core/place-orders.ts";
import type { OrderRequest } from "../../core/plan-order.ts";
import { planPublication, writeAnnex } from "../../core/publish.ts";
import { annexSetup } from "../../core/stacks.ts";
import { askAdministrator, checkIsFor, userAccess } from "../../core/user-access.ts";
import { World, instance } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";
import { SITE, annex } from "../support/knobs.ts";

const ALICE = { user: "alice@pool.test" };
const ARN = "arn:aws:iam::123456789012:policy/updraft/updraft-burst-UserPolicy-1";
const HERE = { ...SITE, person: ALICE };
const KNOBS = annex({ owners: ["alice@pool.test"] });
const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };
const REQUEST: OrderRequest = {
  count: 3,
  leaseSeconds: () => 3600,
  idleSeconds: 600,
  instanceTypes: ["m7i.large"],
  user: "alice",
};

/** Set up with a policy for users, and published by root. */
async function published(): Promise<World> {
  const world = new World();
  const stack = world.stacks.get("updraft-burst");
  assert.ok(stack);
  world.stacks.set("updraft-burst", {
    ...stack,
    parameters: { ...stack.parameters, ImageId: KNOBS.image, InstanceTypes: "m7i.large,m7a.large" },
    outputs: { ...stack.outputs, UserPolicy: ARN },
  });
  await writeAnnex(world.ports, await planPublication(world.ports, KNOBS, SITE));
  world.deeds.length = 0;
  return world;
}

test("a person may use an annex that names them, everyone, or an accounting group that they may be in", () => {
  for (const owners of ["*", ["bob@pool.test", "alice@pool.test"], ["group_physics"]] as const)
    checkIsFor(annex({ owners }), ALICE);
  checkIsFor(annex({ owners: ["bob@pool.test"] }), undefined);
});

test("an annex that names others is refused, with whom to ask for what", () => {
  for (const owners of [["bob@pool.test"], ["alice@pool"], ["alice@pool.test.org"]])
    assert.throws(() => checkIsFor(annex({ owners }), ALICE), {
      kind: "denied",
      message: /annex burst is not for alice@pool\.test: UPDRAFT_burst_OWNERS is/,
      remedy: /Ask the administrator .* to add alice@pool\.test to UPDRAFT_burst_OWNERS/,
    });
});

test("a user's order is planned without the pool's credential, and nothing is written for it", async () => {
  const world = await published();
  const ports = { ...world.ports, credential: () => assert.fail("the user may not read it") };
  const plan = await planCreate(ports, KNOBS, HERE, REQUEST);
  assert.equal(plan.count, 3);
  assert.ok(!("credential" in plan));
  await writeAnnex(ports, plan);
  assert.deepEqual(world.deeds, []);
});

test("a user's order needs what root published to be what the knobs make now", async () => {
  const world = await published();
  const other = annex({ owners: ["alice@pool.test", "bob@pool.test"] });
  await assert.rejects(planCreate(world.ports, other, HERE, REQUEST), {
    kind: "config",
    message: /stale: the knobs have changed since/,
  });
  world.objects.delete("annexes/burst/annex.ini");
  await assert.rejects(planCreate(world.ports, KNOBS, HERE, REQUEST), { message: /not published/ });
});

test("what the policy for users does not cover is refused before EC2 does", async () => {
  const world = await published();
  const plan = (knobs: Partial<typeof KNOBS>, request: Partial<OrderRequest>) =>
    planCreate(world.ports, { ...KNOBS, ...knobs }, HERE, { ...REQUEST, ...request });
  await assert.rejects(plan({ image: "ami-0fedcba9876543210" }, {}), {
    kind: "config",
    message:
      /ami-0123456789abcdef0, with which annex burst was set up, and UPDRAFT_burst_IMAGE_ID is ami-0fedcba9876543210 now/,
    remedy: "Ask the administrator to run: updraft setup --annex burst",
  });
  await assert.rejects(plan({}, { instanceTypes: ["m7i.large", "m6i.large"] }), {
    kind: "denied",
    message: /users may launch m7i\.large, m7a\.large for annex burst, and not m6i\.large/,
  });
  const stack = world.stacks.get("updraft-burst");
  assert.ok(stack);
  const { UserPolicy: _, ...outputs } = stack.outputs;
  world.stacks.set("updraft-burst", { ...stack, outputs });
  await assert.rejects(plan({}, {}), { kind: "config", message: /has no policy for users/ });
});

test("a user ends the annex's instances and leaves what root published", async () => {
  const world = await published();
  world.instances = [instance({ id: "i-1" }), instance({ id: "i-2", tags: {} })];
  const denied = new UpdraftError("denied", "AccessDenied", "");
  const storage = { ...world.storage, list: () => Promise.reject(denied) };
  const ports = { ...world.ports, storage: () => storage };
  const plan = await planDelete(ports, OWNER, "us-east-1", ALICE);
  assert.deepEqual(await carryOutDelete(ports, plan, 60), { terminated: ["i-1"] });
  assert.deepEqual(world.deeds, ["terminate i-1"]);
});

test("a user ends nothing of an annex that is another pool's", async () => {
  const world = await published();
  const claim = { annex: "burst", pool: "pool2.test", schedd: "cm.pool2.test" };
  world.put("annexes/burst/owner", formatOwner({ ...claim, account: "123456789012", region: "us-east-1" }));
  await assert.rejects(planDelete(world.ports, OWNER, "us-east-1", ALICE), { kind: "denied" });
});

test("a refusal tells a user what to ask for, once, and other failures stay as they are", () => {
  const error = (kind: "denied" | "config", remedy: string) => new UpdraftError(kind, "no", remedy);
  const asked = askAdministrator(error("denied", "Log in."), "burst");
  assert.deepEqual([asked.kind, asked.message], ["denied", "no"]);
  assert.match(asked.remedy, /^Log in\. .*`updraft check burst` tells the administrator\.$/);
  for (const other of [error("denied", "Ask the administrator."), error("config", "Correct it.")])
    assert.equal(askAdministrator(other, "burst"), other);
});

test("an administrator is told all that must be allowed, with the policy's ARN", async () => {
  const world = await published();
  const setup = annexSetup(world.stacks.get("updraft-burst"), "burst", "pool.test");
  const lines = userAccess(KNOBS, setup, "/usr/bin/updraft").join("\n");
  for (const word of [
    ARN,
    "alice@pool.test",
    "updraft publish burst",
    "UPDRAFT_burst_OWNERS",
    "/usr/bin/updraft",
  ])
    assert.ok(lines.includes(word), word);
  const bare = annexSetup(new World().stacks.get("updraft-burst"), "burst", "pool.test");
  const others = userAccess(annex({ owners: "*", configDirectory: "/etc/more.d" }), bare, "updraft").join(
    "\n",
  );
  assert.match(others, /no policy for users yet; run: updraft setup --annex burst/);
  assert.match(others, /which is \* \(everyone\)/);
  assert.match(others, /and \/etc\/more\.d must be readable/);
});

/** The same cloud with a journal of her own. */
function hers(world: World): World["ports"] {
  return { ...world.ports, journal: new World().journal };
}

test("a user and the hook that order at once exceed the limit by no more than one of them ordered", async () => {
  const world = await published();
  const alice = hers(world);
  const knobs = { ...KNOBS, maxInstances: 4 };
  const plan = await planCreate(alice, knobs, HERE, REQUEST);
  // Both look before either has ordered.
  for (const ports of [alice, world.ports])
    checkPlanRoom(plan, await reconcile(ports, OWNER, "us-east-1", true));
  for (const ports of [alice, world.ports]) await placeOrders(ports, plan);
  assert.equal(world.instances.length, 6);
  for (const ports of [alice, world.ports]) {
    const seen = await reconcile(ports, OWNER, "us-east-1", true);
    assert.throws(() => checkPlanRoom(plan, seen), { message: /UPDRAFT_burst_MAX_INSTANCES allows 4/ });
  }
});

test("a user's run neither settles nor repeats an order of the hook, nor the hook's one of hers", async () => {
  const world = await published();
  const alice = hers(world);
  const unanswered = entry({ sentAt: world.now, orderedAt: world.now });
  for (const [journal, other] of [
    [world.ports.journal, alice],
    [alice.journal, world.ports],
  ] as const) {
    await journal.write(unanswered);
    await reconcile(other, OWNER, "us-east-1", true);
    assert.deepEqual(world.requests, []);
    assert.deepEqual((await journal.read()).entries, [unanswered]);
    await journal.remove(unanswered.orderId);
  }
});
