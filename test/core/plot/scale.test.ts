import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { linear, logarithmic, position, tickLabel, ticks, type Scale } from "../../../core/plot/scale.ts";

test("a scale begins and ends at round numbers around its values", () => {
  assert.deepEqual(linear([0, 47]), { kind: "linear", from: 0, to: 50 });
  assert.deepEqual(linear([-3.2, 1]), { kind: "linear", from: -4, to: 1 });
  assert.deepEqual(linear([0, 0]), { kind: "linear", from: 0, to: 0.2 });
  assert.deepEqual(logarithmic([0.03, 70]), { kind: "log", from: 0.02, to: 100 });
  assert.deepEqual(logarithmic([5, 5]), { kind: "log", from: 5, to: 50 });
});

test("ticks are round numbers, on a wide logarithmic scale powers of ten alone", () => {
  assert.deepEqual(ticks({ kind: "linear", from: 0, to: 32 }, 10), [0, 5, 10, 15, 20, 25, 30]);
  assert.deepEqual(ticks({ kind: "log", from: 0.5, to: 20 }), [0.5, 1, 2, 5, 10, 20]);
  assert.deepEqual(ticks({ kind: "log", from: 1, to: 1000 }), [1, 10, 100, 1000]);
  const many = ticks({ kind: "log", from: 1e-9, to: 1e9 });
  assert.ok(many.length >= 3 && many.length <= 8, String(many));
});

test("a tick is written short, with a true minus", () => {
  assert.deepEqual([0.1 + 0.2, -5, 0, 2e7, 1e-5].map(tickLabel), ["0.3", "−5", "0", "2e7", "1e−5"]);
});

test("every value has its place between the ends, and a few ticks are among them", () => {
  const positive = fc.double({ min: 1e-12, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(fc.array(positive, { minLength: 1, maxLength: 9 }), fc.boolean(), (values, log) => {
      const scale: Scale = log ? logarithmic(values) : linear(values);
      for (const value of values) {
        const at = position(scale, value);
        assert.ok(at >= -1e-6 && at <= 1 + 1e-6, `${value} at ${at}`);
      }
      const found = ticks(scale);
      assert.ok(found.length >= 1 && found.length <= 12, String(found));
      for (const tick of found) {
        assert.ok(position(scale, tick) >= -1e-6 && position(scale, tick) <= 1 + 1e-6);
      }
    }),
  );
});
