import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ABSENT_SECONDS,
  concerns,
  formatEntry,
  parseEntry,
  requestOf,
  settle,
  type JournalEntry,
} from "../../core/journal.ts";
import { instance } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };

const launched = (id: string, order = "0000000000000001") =>
  instance({ id, tags: { ...instance().tags, "htcondor:OrderId": order } });

test("an entry is read back as it was written, the request byte for byte", () => {
  const written = entry({ answer: { at: 5, instanceIds: ["i-1"] } });
  const read = parseEntry(formatEntry(written));
  assert.deepEqual(read, written);
  assert.equal((read as JournalEntry).request, written.request);
  assert.equal(requestOf(written).ClientToken, "updraft-burst-0000000000000001");
});

test("an entry that was cut anywhere is refused, never half believed", () => {
  const whole = formatEntry(entry());
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
      assert.equal(typeof parseEntry(whole.slice(0, length)), "string");
    }),
  );
});

test("what another version wrote, or somebody else, is refused with what is wrong with it", () => {
  const changed = (changes: object) => `${JSON.stringify({ format: 1, ...entry(), ...changes })}\n`;
  const cases: [string, RegExp][] = [
    ["", /cut short/],
    ["[]\n", /not a JSON object/],
    ["null\n", /not a JSON object/],
    [changed({ format: 2 }), /format is 2, and this version writes 1/],
    [changed({ format: undefined }), /format is undefined/],
    [changed({ annex: undefined }), /annex is missing/],
    [changed({ count: "3" }), /count is missing/],
    [changed({ sentAt: null }), /sentAt is missing/],
    [changed({ answer: null }), /answer cannot be read/],
    [changed({ answer: { at: 1 } }), /answer cannot be read/],
    [changed({ request: "{" }), /not the one of this order/],
    [changed({ request: '{"ClientToken":"another"}' }), /not the one of this order/],
    [changed({ orderId: "2" }), /not the one of this order/],
  ];
  for (const [text, why] of cases) assert.match(String(parseEntry(text)), why);
});

test("an entry concerns one annex of one pool, schedd and region", () => {
  assert.ok(concerns(entry(), OWNER, "us-east-1"));
  assert.ok(!concerns(entry(), OWNER, "eu-west-1"));
  for (const key of ["annex", "pool", "schedd"] as const) {
    assert.ok(!concerns(entry(), { ...OWNER, [key]: "other" }, "us-east-1"));
  }
});

test("an order nobody has read the answer of counts as placed until it is seen, or absent for ten minutes", () => {
  const sent = entry({ count: 2, sentAt: 1000 });
  const pending = (unseen: number) => ({ state: "pending", unseen, answered: false });
  assert.deepEqual(settle(sent, [], 1000), pending(2));
  assert.deepEqual(settle(sent, [], 900), pending(2), "also when the clock went back");
  assert.deepEqual(settle(sent, [launched("i-1")], 1599), pending(1));
  assert.deepEqual(settle(sent, [launched("i-1"), launched("i-9", "another")], 1599), pending(1));
  assert.deepEqual(settle(sent, [launched("i-1"), launched("i-2")], 1001), { state: "seen" });
  assert.deepEqual(settle(sent, [], 1000 + ABSENT_SECONDS), { state: "absent", missing: 2 });
});

test("an answered order is settled when EC2 shows every instance, whatever was asked for", () => {
  const answered = entry({ count: 3, answer: { at: 2000, instanceIds: ["i-1", "i-2"] } });
  assert.deepEqual(settle(answered, [launched("i-1")], 2001), {
    state: "pending",
    unseen: 1,
    answered: true,
  });
  assert.deepEqual(settle(answered, [launched("i-1"), launched("i-2")], 2001), { state: "seen" });
  assert.deepEqual(settle(answered, [], 2600), { state: "absent", missing: 2 });
});
