import assert from "node:assert/strict";
import { test } from "node:test";
import { fillSandbox } from "../../bench/campaigns/capacity.ts";

test(
  "an order for many nodes at once fills a sandbox with nodes that all work",
  { timeout: 300_000 },
  async () => {
    const { instancesUsed, nodes, megabytes } = await fillSandbox(8);
    assert.equal(instancesUsed, nodes);
    assert.ok(megabytes > 0, "nodes need memory");
  },
);
