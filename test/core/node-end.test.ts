import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nodeEnd } from "../../core/node-end.ts";
import type { NodeState } from "../../core/node-state.ts";

const state: NodeState = {
  format: 1,
  annex: "burst",
  pool: "pool.test",
  schedd: "ap.pool.test",
  instanceId: "i-1",
  instanceType: "c7i.large",
  imageId: "ami-1",
  region: "us-east-1",
  zone: "us-east-1a",
  interruptible: false,
  orderId: "order-1",
  orderedAt: 900,
  leaseExpiration: 10_000,
  htcondorEndSeconds: 81,
  bootSteps: {},
  guard: {
    endsAt: 10_000,
    endReason: "lease",
    stage: "serving",
    released: false,
    rebalanceRecommended: false,
    anchor: { at: 5000, uptime: 100 },
  },
};

describe("the node's end as HTCondor sees it", () => {
  it("is not known before the guard has said it", () => {
    const { guard: _, ...unguarded } = state;
    assert.equal(nodeEnd(unguarded, 5000, 100), undefined);
  });

  it("does not flicker while the clock is right", () => {
    for (const wall of [5010, 5008.1, 5012.4]) assert.equal(nodeEnd(state, wall, 110)?.endsAt, 10_000);
  });

  it("is in the time of a clock that is wrong", () => {
    assert.equal(nodeEnd(state, 5010 - 3600, 110)?.endsAt, 10_000 - 3600);
    assert.equal(nodeEnd(state, 5010 + 3600, 110)?.endsAt, 10_000 + 3600);
  });

  it("comes at the end itself while the guard lives, and early enough for HTCondor alone when it does not", () => {
    assert.deepEqual(nodeEnd(state, 5010, 110), {
      endsAt: 10_000,
      guarded: true,
      ending: false,
      endingIn: 4990,
      earliestIn: 4990 - 81,
    });
    const uptimeAt = (left: number): number => 100 + 5000 - left;
    const silent = nodeEnd(state, 9900, uptimeAt(100));
    assert.deepEqual([silent?.guarded, silent?.ending, silent?.endingIn], [false, false, 19]);
    assert.equal(nodeEnd(state, 9919, uptimeAt(81))?.ending, true);
    const alive = { ...state, guard: { ...state.guard!, anchor: { at: 9919, uptime: uptimeAt(81) } } };
    assert.equal(nodeEnd(alive, 9919, uptimeAt(81))?.ending, false);
    assert.equal(nodeEnd(alive, 10_000, uptimeAt(0))?.ending, true);
  });
});
