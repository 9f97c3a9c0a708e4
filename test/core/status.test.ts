import assert from "node:assert/strict";
import { test } from "node:test";
import { annexStatus, statusRow, statusTable } from "../../core/status.ts";
import { World, instance } from "../support/cloud.ts";

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
