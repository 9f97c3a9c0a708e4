import assert from "node:assert/strict";
import { test } from "node:test";
import { annexStatus, describeOrder, orderRow, statusRow, statusTable } from "../../core/status.ts";
import { World, instance } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };

test("status shows what lives and is ours, with its slots and what is left of its lease", async () => {
  const world = new World();
  const tags = {
    ...instance().tags,
    "htcondor:LeaseExpiration": String(world.now + 3600),
    "htcondor:OrderId": "o1",
  };
  world.instances = [
    instance({ id: "i-1", launched: world.now - 60, tags, spot: true }),
    instance({ id: "i-2", launched: world.now - 5, state: "pending", privateIp: undefined }),
    instance({ id: "i-3", state: "terminated" }),
    instance({ id: "i-4", tags: { ...tags, "htcondor:Pool": "other" } }),
  ];
  const seen = await annexStatus(world.ports, OWNER);
  const rows = seen.map((one) => statusRow("burst", one, world.now));
  assert.deepEqual(rows[0], {
    annex: "burst",
    id: "i-1",
    progress: "joined",
    ec2State: "running",
    type: "m7i.large",
    zone: "us-east-1a",
    market: "spot",
    privateIp: "172.31.0.1",
    launched: world.now - 60,
    leaseExpiration: world.now + 3600,
    order: "o1",
    slots: ["slot1@i-1"],
  });
  assert.deepEqual(statusTable(rows, world.now).slice(1), [
    ["burst", "i-1", "joined", "m7i.large", "us-east-1a", "spot", "172.31.0.1", "1m", "1h", "1"],
    ["burst", "i-2", "ordered", "m7i.large", "us-east-1a", "on-demand", "-", "5s", "unreadable", "0"],
  ]);
});

test("an order that is not settled says what is not known of it", () => {
  const row = orderRow(entry({ sentAt: 1000 }));
  assert.deepEqual(row, {
    id: "0000000000000001",
    annex: "burst",
    market: "on-demand",
    count: 3,
    orderedAt: 1000,
    sentAt: 1000,
    instanceIds: undefined,
  });
  assert.equal(
    describeOrder(row, 1065),
    "order 0000000000000001 of annex burst: 3 × on-demand, sent 1m5s ago; nobody has read the answer",
  );
  const answered = orderRow(entry({ answer: { at: 1001, instanceIds: ["i-1", "i-2"] } }));
  assert.match(describeOrder(answered, 1065), /; EC2 does not show all of i-1, i-2 yet$/);
});
