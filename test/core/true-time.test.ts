import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { anchorOf, bestTime, timeAt } from "../../core/true-time.ts";

describe("the true time", () => {
  it("is within a second of the answer's date and the way there and back, whatever the wall clock says", () => {
    fc.assert(
      fc.property(
        fc.record({
          truth: fc.double({ min: 1e9, max: 4e9, noNaN: true }),
          uptime: fc.double({ min: 0, max: 1e7, noNaN: true }),
          there: fc.double({ min: 0, max: 1, noNaN: true }),
          back: fc.double({ min: 0, max: 1, noNaN: true }),
          later: fc.double({ min: 0, max: 1e6, noNaN: true }),
        }),
        ({ truth, uptime, there, back, later }) => {
          const date = new Date(Math.floor(truth) * 1000).toUTCString();
          const anchor = anchorOf(date, uptime - there, uptime + back);
          assert.ok(anchor !== undefined);
          assert.ok(Math.abs(timeAt(anchor, uptime + later) - (truth + later)) <= 1.01);
        },
      ),
    );
  });

  it("is not taken from an answer without a date, or from one that took too long", () => {
    const date = "Sun, 22 Nov 2026 10:00:00 GMT";
    assert.equal(anchorOf(undefined, 1, 1), undefined);
    assert.equal(anchorOf("now", 1, 1), undefined);
    assert.equal(anchorOf(date, 1, 3.1), undefined);
    assert.equal(anchorOf(date, 2, 1), undefined);
    assert.notEqual(anchorOf(date, 1, 3), undefined);
  });

  it("is the wall clock's, which counts finer, while the two agree", () => {
    const anchor = { at: 5000, uptime: 100 };
    assert.equal(bestTime(5001.25, undefined, 100), 5001.25);
    assert.equal(bestTime(5011.25, anchor, 110), 5011.25);
    assert.equal(bestTime(8610, anchor, 110), 5010);
    assert.equal(bestTime(1410, anchor, 110), 5010);
  });
});
