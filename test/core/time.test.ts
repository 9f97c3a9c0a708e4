import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../core/time.ts";

test("durations are read with and without units", () => {
  const cases: [string, number | undefined][] = [
    ["90", 90],
    [" 45s ", 45],
    ["20M", 1200],
    ["1h30m", 5400],
    ["7d", 604800],
    ["", undefined],
    ["h", undefined],
    ["1 h", undefined],
    ["-5", undefined],
    ["1.5h", undefined],
    ["1234567890", undefined],
  ];
  for (const [text, seconds] of cases) assert.equal(parseDuration(text), seconds, text);
});

test("a duration is read back as it was written", () => {
  fc.assert(
    fc.property(fc.nat(99_999 * 86400), (seconds) =>
      assert.equal(parseDuration(formatDuration(seconds)), seconds),
    ),
  );
});

test("less than nothing is written as nothing", () => {
  assert.equal(formatDuration(-5), "0s");
});
