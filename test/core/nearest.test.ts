import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, nearest } from "../../core/nearest.ts";

test("a misspelling finds the word that was meant", () => {
  assert.equal(nearest("stauts", ["status", "create"]), "status");
  assert.equal(
    nearest("UPDRAFT_burst_MAX_PRCIE", ["UPDRAFT_burst_MAX_PRICE", "UPDRAFT_burst_MODE"]),
    "UPDRAFT_burst_MAX_PRICE",
  );
});

test("a word that is like none finds none", () => {
  assert.equal(nearest("zebra", ["status", "create"]), undefined);
  assert.equal(nearest("zebra", []), undefined);
});

test("the edit distance is a metric", () => {
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      assert.equal(editDistance(a, a), 0);
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c));
      assert.ok(editDistance(a, b) >= Math.abs(a.length - b.length));
    }),
  );
});
