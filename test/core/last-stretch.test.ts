import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { lastStretch, longestRun } from "../../core/last-stretch.ts";

describe("the last stretch of a lease", () => {
  const table: readonly (readonly [number, number, object])[] = [
    [600, 28_800, { refuse: 600, drain: 300, evict: 66, vacate: 60, stop: 4 }],
    [40, 3600, { refuse: 40, drain: 20, evict: 16, vacate: 10, stop: 4 }],
    [600, 60, { refuse: 30, drain: 17, evict: 13, vacate: 7, stop: 4 }],
    [0, 3600, { refuse: 0, drain: 15, evict: 11, vacate: 5, stop: 4 }],
    [600, -5, { refuse: 0, drain: 15, evict: 11, vacate: 5, stop: 4 }],
  ];
  for (const [drainSeconds, life, expected] of table) {
    it(`of ${drainSeconds} s in a life of ${life} s`, () =>
      assert.deepEqual(lastStretch(drainSeconds, life), expected));
  }

  it("drains before it evicts, and evicts early enough to stop in time", () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(100_000), (drainSeconds, life) => {
        const { refuse, drain, evict, vacate, stop } = lastStretch(drainSeconds, life);
        assert.ok(refuse <= drainSeconds && refuse <= life / 2);
        assert.ok(drain > evict && evict >= vacate + stop && vacate >= 5 && vacate <= 60);
      }),
    );
  });
});

describe("the longest run of a job on a new instance", () => {
  const table: readonly (readonly [number, number, number])[] = [
    [600, 28_800, 28_800 - 600 - 66],
    [40, 3600, 3600 - 600 - 16],
    [600, 900, 450 - 66],
    [0, 120, 60 - 11],
  ];
  for (const [drainSeconds, lease, expected] of table) {
    it(`with ${drainSeconds} s of draining and a lease of ${lease} s is ${expected} s`, () =>
      assert.equal(longestRun(drainSeconds, lease), expected));
  }
});
