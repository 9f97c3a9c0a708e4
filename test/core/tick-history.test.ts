import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTicks, parseTicks, tickRecord, tickTable } from "../../core/tick-history.ts";

const AT = 1_900_000_000;
const tick = (minute: number, changes = {}) =>
  tickRecord(AT + 60 * minute + 0.7, "burst", {
    JobsIdle: 4,
    Ordered: 0,
    Released: 0,
    TickSeconds: 0.123456,
    LimitedBy: "None",
    Reason: "4 idle jobs",
    Breaker: "closed",
    Something: "else",
    ...changes,
  });

test("a run is kept by what it published, and read back as it was", () => {
  const one = tick(0);
  assert.deepEqual(one, {
    at: AT,
    annex: "burst",
    counts: { JobsIdle: 4, Ordered: 0, Released: 0, TickSeconds: 0.123 },
    breaker: "closed",
    limitedBy: "None",
    reason: "4 idle jobs",
    error: undefined,
  });
  assert.deepEqual(parseTicks(formatTicks([one, tick(1, { LastError: "no EC2" })])), [
    one,
    tick(1, { LastError: "no EC2" }),
  ]);
});

test("what a run did not know is not there, and a run that published nothing is one, too", () => {
  assert.deepEqual(tickRecord(AT, "burst", {}), {
    at: AT,
    annex: "burst",
    counts: {},
    breaker: undefined,
    limitedBy: "",
    reason: "",
    error: undefined,
  });
});

test("lines that are torn or of something else are left out", () => {
  const text = `{"at":1,"ann\n\n5\nnull\n{"at":"x","annex":"a","limitedBy":"","reason":""}\n${formatTicks([tick(0)])}`;
  assert.deepEqual(parseTicks(text), [tick(0)]);
  const odd = { ...tick(0), counts: { JobsIdle: "4", Ordered: 1 } };
  assert.deepEqual(parseTicks(JSON.stringify(odd))[0]?.counts, { Ordered: 1 });
});

test("runs in a row that say the same are one line, and each that did something has its own", () => {
  const runs = [
    tick(0),
    tick(1),
    tick(2, { Ordered: 2 }),
    tick(3, { Ordered: 2 }),
    tick(4, { Released: 1 }),
    tick(5),
  ];
  const [header = [], ...rows] = tickTable(runs);
  assert.deepEqual(header.slice(0, 4), ["from", "runs", "annex", "idle jobs"]);
  assert.deepEqual(
    rows.map((row) => [row[1], row[7], row[8], row[9]]),
    [
      ["2", "?", "0", "0"],
      ["1", "?", "2", "0"],
      ["1", "?", "2", "0"],
      ["1", "?", "0", "1"],
      ["1", "?", "0", "0"],
    ],
  );
  assert.match(rows[0]?.[0] ?? "", /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test("the breaker and an error stand beside the word", () => {
  const word = (changes: object): string => tickTable([tick(0, changes)])[1]?.at(-1) ?? "";
  assert.equal(word({}), "None");
  assert.equal(word({ LimitedBy: "Breaker", Breaker: "open" }), "Breaker (breaker open)");
  assert.equal(word({ Breaker: "half-open", LastError: "no EC2" }), "None (breaker half-open; no EC2)");
});
