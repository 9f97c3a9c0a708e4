import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseCount,
  parseIdle,
  parseLease,
  parseProject,
  parseRegion,
  parseSince,
  parseSize,
  parseUntil,
} from "../../core/request.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z") / 1000;
const WEEK = 7 * 86400;

test("a region is known by its form", () => {
  for (const text of ["us-east-1", "eu-central-2", "us-gov-west-1", "ap-southeast-7"]) {
    assert.equal(parseRegion(text), text);
  }
  for (const text of ["mars", "us-east", "US-EAST-1", "us-east-1a", ""]) {
    assert.throws(() => parseRegion(text), { kind: "usage", message: /is not an AWS region/ }, text);
  }
});

test("a count is a whole number up to the annex's limit", () => {
  assert.equal(parseCount("3", 20, "K"), 3);
  assert.equal(parseCount("20", 20, "K"), 20);
  for (const [text, message] of [
    ["0", /orders nothing/],
    ["-1", /orders nothing/],
    ["21", /more than the 20 instances that K allows/],
    ["1000000000", /more than the 20/],
    ["1e9", /not a whole number/],
    ["three", /not a whole number/],
    ["", /not a whole number/],
    ["2.5", /not a whole number/],
  ] as const) {
    assert.throws(() => parseCount(text, 20, "K"), { kind: "usage", message }, text);
  }
});

test("a lease is a duration or the time at which it ends", () => {
  assert.equal(parseLease("8h", NOW, WEEK), 28800);
  assert.equal(parseLease(" 90 ", NOW, WEEK), 90);
  assert.equal(parseLease("2030-01-01T06:00Z", NOW, WEEK), 6 * 3600);
  assert.equal(parseLease("2030-01-01 06:00:30+01:00", NOW, WEEK), 5 * 3600 + 30);
});

test("a lease in the past, too short, too long or garbage is refused in one sentence", () => {
  for (const [text, message] of [
    ["-1h", /ends in the past/],
    ["0", /ends in the past/],
    ["2029-12-31T00:00Z", /ends in the past/],
    ["10s", /shorter than 1m/],
    ["8d", /longer than the 7d/],
    ["2031-01-01T00:00Z", /longer than the 7d/],
    ["soon", /neither a duration nor a time/],
    ["-soon", /neither a duration nor a time/],
    ["2030-13-45T00:00Z", /neither a duration nor a time/],
    ["2030-01-01T06:00", /neither a duration nor a time/],
    ["", /neither a duration nor a time/],
  ] as const) {
    assert.throws(() => parseLease(text, NOW, WEEK), { kind: "usage", message }, text);
  }
});

test("whatever is accepted lies between the shortest and the longest lease", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.integer().map(String), fc.stringMatching(/^\d{1,3}[smhd]$/)),
      (text) => {
        let seconds: number;
        try {
          seconds = parseLease(text, NOW, WEEK);
        } catch {
          return;
        }
        assert.ok(seconds >= 60 && seconds <= WEEK);
      },
    ),
  );
});

test("an idle time is a duration", () => {
  assert.equal(parseIdle("20m"), 1200);
  for (const text of ["0", "-1m", "x"]) assert.throws(() => parseIdle(text), { kind: "usage" }, text);
});

test("a lease that a knob asks for names the knob when it is too long", () => {
  assert.throws(() => parseLease("8d", NOW, WEEK, "UPDRAFT_burst_LEASE"), {
    kind: "config",
    remedy: /^Set UPDRAFT_burst_LEASE to at most 7d/,
  });
  assert.throws(() => parseLease("8d", NOW, WEEK), { kind: "usage", remedy: /^Give at most 7d/ });
});

test("a size may be nothing, which a count may not", () => {
  assert.equal(parseSize("0", 20, "K"), 0);
  assert.equal(parseSize("20", 20, "K"), 20);
  for (const text of ["-1", "21", "x", ""]) assert.throws(() => parseSize(text, 20, "K"), { kind: "usage" });
});

test("the end of a lease is a time, and no duration", () => {
  assert.equal(parseUntil(" 2030-01-01T06:00Z "), "2030-01-01T06:00Z");
  for (const text of ["8h", "", "2030-13-45T00:00Z", "tomorrow"]) {
    assert.throws(() => parseUntil(text), { kind: "usage", message: /is not a time/ }, text);
  }
});

test("a project is what a tag can hold that instances show", () => {
  for (const good of ["cms", "cms-2026", "a+b=c.d_e:f@g", "x".repeat(128)])
    assert.equal(parseProject(good), good);
  for (const bad of ["", "a b", "a/b", "é", "a,b", "x".repeat(129), "a\nb", '"']) {
    assert.throws(() => parseProject(bad), { kind: "usage", message: /cannot be a tag/ }, bad);
  }
});

test("a time in the past is so long ago, a day, or a time with its zone", () => {
  const now = Date.parse("2030-02-01T00:00:00Z") / 1000;
  assert.equal(parseSince("7d", now), now - 7 * 86400);
  assert.equal(parseSince("2030-01-31", now), now - 86400);
  assert.equal(parseSince(" 2030-01-31T18:00Z ", now), now - 6 * 3600);
  for (const bad of ["", "yesterday", "2030-13-40", "2030-01-31T18:00", "-7d"]) {
    assert.throws(
      () => parseSince(bad, now),
      { kind: "usage", message: /neither a duration nor a time/ },
      bad,
    );
  }
  assert.throws(() => parseSince("2031-01-01", now), { kind: "usage", message: /a time to come/ });
});
