import assert from "node:assert/strict";
import { test } from "node:test";
import { at } from "../../core/at.ts";

test("an element is read by its index, of arrays of any kind", () => {
  assert.equal(at([3, 4], 1), 4);
  assert.equal(at(new Float64Array([0.5]), 0), 0.5);
});
