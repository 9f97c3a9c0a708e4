import assert from "node:assert/strict";
import { test } from "node:test";
import { planCreate } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import { MINUTES } from "../../core/fleet-errors.ts";
import { fleetReasons, placeOrders } from "../../core/place-orders.ts";
import { heldBack, refusedLines } from "../../core/refused-places.ts";
import type { FleetError } from "../../core/ports.ts";
import { World } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

const planned = (world: World, purchase: "spot" | "on-demand" | "spot-then-on-demand" = "spot") =>
  planCreate(world.ports, annex({ maxInstances: 5, purchase, subnets: ["subnet-1", "subnet-2"] }), SITE, {
    count: 2,
    leaseSeconds: () => 3600,
    idleSeconds: 600,
    instanceTypes: ["m7i.large", "m6i.large"],
    user: "alice",
  });

const error = (code: string, type: string, subnet: string): FleetError => ({
  code,
  message: "no",
  type,
  subnet,
});

const everywhere = (code: string): FleetError[] =>
  ["m7i.large", "m6i.large"].flatMap((type) =>
    ["subnet-1", "subnet-2"].map((subnet) => error(code, type, subnet)),
  );

const askedFor = (world: World): string[] =>
  (world.requests.at(-1)?.LaunchTemplateConfigs ?? []).flatMap((config) =>
    config.Overrides.map((one) => `${one.InstanceType} ${one.SubnetId}`),
  );

test("the next order asks everywhere else, and everywhere once the refusal is over", async () => {
  const world = new World();
  const plan = await planned(world);
  const errors = [error("UnfulfillableCapacity", "m7i.large", "subnet-1")];
  world.fleetAnswers.push({ outcome: "answered", instanceIds: ["i-1"], errors });
  const [placed] = await placeOrders(world.ports, plan);
  assert.equal(askedFor(world).length, 4);
  assert.equal(placed?.errors[0]?.until, world.now + MINUTES);
  await placeOrders(world.ports, plan);
  assert.deepEqual(askedFor(world), ["m7i.large subnet-2", "m6i.large subnet-1", "m6i.large subnet-2"]);
  assert.match(
    (await refusedLines(world.ports, plan)).join(),
    /^not asked for: m7i\.large spot in us-east-1\w until \S+Z \(UnfulfillableCapacity\)$/,
  );
  world.now += MINUTES;
  await placeOrders(world.ports, plan);
  assert.equal(askedFor(world).length, 4);
  assert.deepEqual(await refusedLines(world.ports, plan), []);
});

test("with nothing left to ask for, nothing is sent, and it is said until when", async () => {
  const world = new World();
  const plan = await planned(world);
  const errors = everywhere("InsufficientInstanceCapacity");
  world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors });
  await placeOrders(world.ports, plan);
  const held = await heldBack(world.ports, plan);
  assert.equal(held?.limitedBy, "Capacity");
  await assert.rejects(
    placeOrders(world.ports, plan),
    (failure) =>
      failure instanceof UpdraftError &&
      failure.kind === "capacity" &&
      failure.message === held.reason &&
      failure.remedy.includes("--ask-again"),
  );
  assert.equal(world.requests.length, 1);
});

test("a market that is refused everywhere is passed over, the other is asked", async () => {
  const world = new World();
  const plan = await planned(world, "spot-then-on-demand");
  const errors = everywhere("UnfulfillableCapacity");
  world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors });
  assert.deepEqual(
    (await placeOrders(world.ports, plan)).map(({ market }) => market),
    ["spot", "on-demand"],
  );
  const next = await placeOrders(world.ports, plan);
  assert.deepEqual(
    next.map(({ market, instanceIds }) => [market, instanceIds.length]),
    [["on-demand", 2]],
  );
  assert.ok(world.said.some((line) => line.startsWith("spot is not ordered: m7i.large spot in ")));
});

test("what is denied on spot is not tried on-demand, and not remembered", async () => {
  const world = new World();
  const plan = await planned(world, "spot-then-on-demand");
  const errors = everywhere("UnauthorizedOperation");
  world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors });
  assert.equal((await placeOrders(world.ports, plan)).length, 1);
  assert.deepEqual(world.refused, []);
});

test("without a memory everything is asked every time", async () => {
  const world = new World();
  const plan = await planned(world);
  const { refusals: _, ...ports } = world.ports;
  for (let i = 0; i < 2; i++) {
    const errors = everywhere("UnfulfillableCapacity");
    world.fleetAnswers.push({ outcome: "answered", instanceIds: [], errors });
    await placeOrders(ports, plan);
    assert.equal(askedFor(world).length, 4);
  }
});

test("each reason is told once, with its places and until when they are left out", () => {
  const one = { orderId: "1", market: "spot", instanceIds: [], launched: [] } as const;
  const at = { market: "spot", type: "m5.large", until: 1_900_000_000 } as const;
  const reasons = fleetReasons([
    {
      ...one,
      errors: [
        { code: "A", message: "a", ...at, zone: "za" },
        { code: "A", message: "a", ...at, zone: "zb" },
        { code: "B", message: "b" },
        { code: "C", message: "c", type: "m5.large" },
      ],
    },
  ]);
  assert.deepEqual(reasons, [
    "A: a (m5.large spot in za, m5.large spot in zb, not asked for again until 2030-03-17T17:46:40Z)",
    "B: b",
    "C: c (m5.large)",
  ]);
});
