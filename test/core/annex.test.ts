import assert from "node:assert/strict";
import { test } from "node:test";
import { isAnnexName } from "../../core/annex.ts";

test("an annex name is a letter and up to 26 letters or digits, all in lower case", () => {
  for (const name of ["a", "burst", "burst2", "a".repeat(27)]) assert.ok(isAnnexName(name), name);
  for (const name of ["", "2a", "Burst", "a-b", "a_b", "a/b", "a\n", "a".repeat(28)])
    assert.ok(!isAnnexName(name), name);
});
