import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ending,
  formatKnowledge,
  interruptionTime,
  learn,
  parseKnowledge,
  type Knowledge,
} from "../../core/end-of-life.ts";
import { TAG } from "../../core/tags.ts";

const DAY = 86400;
const NOW = 1_000_000;
const boot: Knowledge = { lease: NOW + 3600, released: false, rebalance: false };
const lease = (value: string | number) => ({ tags: { [TAG.lease]: String(value) } });

describe("what a node learns from the metadata service", () => {
  it("is its lease as it is now, renewed or shortened", () => {
    assert.equal(ending(learn(boot, lease(NOW + 7200), NOW, DAY)).at, NOW + 7200);
    assert.equal(ending(learn(boot, lease(NOW + 60), NOW, DAY)).at, NOW + 60);
    assert.equal(ending(learn(boot, lease(NOW - 60), NOW, DAY)).at, NOW - 60);
  });

  for (const value of [undefined, "", "soon", NOW + 2 * DAY, "253370764800"]) {
    it(`a lease that says ${value} ends it ten minutes after that was first seen`, () => {
      const reading = value === undefined ? { tags: {} } : lease(value);
      const first = learn(boot, reading, NOW, DAY);
      assert.deepEqual(ending(first), { at: NOW + 600, reason: "unreadable lease" });
      assert.deepEqual(ending(learn(first, reading, NOW + 300, DAY)).at, NOW + 600);
      const repaired = learn(first, lease(NOW + 900), NOW + 300, DAY);
      assert.deepEqual(ending(repaired), { at: NOW + 900, reason: "lease" });
      assert.equal(ending(learn(repaired, reading, NOW + 310, DAY)).at, NOW + 900);
    });
  }

  it("is a release, until its value is empty or it is gone", () => {
    const released = learn(boot, { tags: { [TAG.release]: "surplus" } }, NOW, DAY);
    assert.equal(released.released, true);
    assert.equal(learn(released, { tags: { [TAG.release]: "" } }, NOW, DAY).released, false);
    assert.equal(learn(released, { tags: {} }, NOW, DAY).released, false);
  });

  it("is an interruption, which stands once it was said", () => {
    const noticed = learn(boot, { ...lease(NOW + 3600), interruption: NOW + 120 }, NOW, DAY);
    assert.deepEqual(ending(noticed), { at: NOW + 115, reason: "interruption" });
    assert.equal(ending(learn(noticed, lease(NOW + 3600), NOW + 5, DAY)).at, NOW + 115);
    assert.equal(ending(learn(noticed, lease(NOW + 30), NOW + 5, DAY)).reason, "lease");
  });

  it("is a rebalance recommendation, which stands once it was said and ends nothing", () => {
    const told = learn(boot, { ...lease(NOW + 3600), rebalance: true }, NOW, DAY);
    assert.equal(told.rebalance, true);
    assert.equal(learn(told, lease(NOW + 3600), NOW + 5, DAY).rebalance, true);
    assert.deepEqual(ending(told), ending(boot));
  });

  it("never makes it live longer than a lease that was believed, ten minutes, or the longest lease", () => {
    const value = fc.oneof(
      fc.constant(undefined),
      fc.string(),
      fc.integer({ min: -1000, max: 3 * DAY }).map((seconds) => String(NOW + seconds)),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (values) => {
        let known = boot;
        values.forEach((one, index) => {
          const before = ending(known).at;
          known = learn(known, one === undefined ? { tags: {} } : lease(one), NOW + index, DAY);
          const after = ending(known);
          assert.ok(after.at <= Math.max(before, NOW + index + DAY + 120));
          if (after.reason === "unreadable lease") assert.ok(after.at <= NOW + index + 600);
        });
      }),
    );
  });
});

describe("a spot notice", () => {
  it("says when", () => {
    const text = '{"action":"terminate","time":"2026-11-22T10:02:00Z"}';
    assert.equal(interruptionTime(text), Date.UTC(2026, 10, 22, 10, 2) / 1000);
  });
  for (const text of ["", "{}", "null", '{"time":7}', '{"time":"soon"}', "<html>"]) {
    it(`that reads ${JSON.stringify(text)} is none`, () => assert.equal(interruptionTime(text), undefined));
  }
});

describe("what a node knows, on disk", () => {
  it("is read back as it was written", () => {
    for (const known of [
      boot,
      { ...boot, unreadableSince: 5, interruption: 6.5, released: true, rebalance: true },
    ]) {
      assert.deepEqual(
        JSON.parse(JSON.stringify(parseKnowledge(formatKnowledge(known)))),
        JSON.parse(JSON.stringify(known)),
      );
    }
  });
  it("is nothing when it was cut short or is of another format", () => {
    const text = formatKnowledge(boot);
    for (let length = 0; length < text.length - 2; length++) {
      assert.equal(parseKnowledge(text.slice(0, length)), undefined);
    }
    for (const other of ["null", "7", '{"format":2,"lease":5}', '{"format":1,"lease":"5"}']) {
      assert.equal(parseKnowledge(other), undefined);
    }
  });
});
