import assert from "node:assert/strict";
import { test } from "node:test";
import { EXIT_STATUS, UpdraftError, messageOf } from "../../core/errors.ts";

test("every kind of failure has its own exit status, and none is success", () => {
  const statuses = Object.keys(EXIT_STATUS).map(
    (kind) => new UpdraftError(kind as never, "m", "r").exitStatus,
  );
  assert.deepEqual(statuses, [1, 2, 3, 4, 5]);
});

test("a cause is kept when there is one", () => {
  assert.equal(new UpdraftError("failed", "m", "r", 7).cause, 7);
  assert.ok(!("cause" in new UpdraftError("failed", "m", "r")));
});

test("the text of anything thrown is one line", () => {
  assert.equal(messageOf(new Error(" a\n  b ")), "a b");
  assert.equal(messageOf(7), "7");
});
