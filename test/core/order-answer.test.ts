import assert from "node:assert/strict";
import { test } from "node:test";
import { planCreate } from "../../core/create.ts";
import { commandLine, orderAnswer, planAnswer } from "../../core/order-answer.ts";
import { World } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

test("the whole plan is in the answer, with its cost", async () => {
  const world = new World();
  const request = {
    count: 3,
    leaseSeconds: () => 3600,
    idleSeconds: 600,
    instanceTypes: ["m7i.large"],
    user: "alice",
    project: "cms",
  };
  const told = planAnswer(
    await planCreate(world.ports, annex({ maxPrice: 0.1, tags: { Team: "physics" } }), SITE, request),
    world.now,
  );
  assert.deepEqual(told, {
    annex: "burst",
    pool: "pool.test",
    schedd: "cm.pool.test",
    account: "123456789012",
    region: "us-east-1",
    bucket: "updraft-bucket",
    count: 3,
    purchase: "on-demand",
    instanceTypes: ["m7i.large"],
    subnets: [{ id: "subnet-0123456789abcdef0", zone: "us-east-1a" }],
    image: { id: "ami-0123456789abcdef0", name: "htcondor" },
    leaseSeconds: 3600,
    leaseExpiration: world.now + 3600,
    idleSeconds: 600,
    alive: 0,
    maxInstances: 20,
    maxPrice: 0.1,
    project: "cms",
    cost: {
      source: "UPDRAFT_burst_MAX_PRICE",
      expectedPerHour: 0.303,
      atMostPerHour: 0.303,
      worstCase: 0.3131,
    },
    liability: { before: 0, after: 0.3131, limit: undefined, hourly: 0.303 },
    tags: { Team: "physics" },
    configFiles: [],
  });
});

test("what is missing comes with EC2's reasons and the command that orders it", () => {
  const placed = [
    {
      orderId: "a",
      market: "spot",
      instanceIds: ["i-1"],
      errors: [{ code: "E", message: "none" }],
      launched: [],
    },
    { orderId: "b", market: "on-demand", instanceIds: ["i-2"], errors: [], launched: [] },
  ] as const;
  const again = (missing: number) => commandLine(["updraft", "create", "burst", "--count", String(missing)]);
  const partial = orderAnswer(5, placed, again);
  assert.deepEqual([partial.missing, partial.reasons], [3, ["E: none"]]);
  assert.equal(partial.continue, "updraft create burst --count 3");
  const whole = orderAnswer(2, placed, again);
  assert.deepEqual([whole.missing, whole.continue], [0, undefined]);
});

test("a command line is one that a shell reads as its words", () => {
  assert.equal(
    commandLine(["updraft", "--lease", "2030-01-31 18:00Z", "it's"]),
    "updraft --lease '2030-01-31 18:00Z' 'it'\\''s'",
  );
});
