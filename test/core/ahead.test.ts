import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { ahead } from "../../core/ahead.ts";

test("what is asked ahead is asked at once and serves the first call alone", async () => {
  let asked = 0;
  const ask = ahead(async () => ++asked);
  assert.equal(asked, 1);
  assert.deepEqual([await ask(), await ask(), asked], [1, 2, 2]);
});

test("a failure of what is asked ahead is told to whoever awaits it, and to nobody before", async () => {
  const ask = ahead(() => Promise.reject(new Error("no")));
  await setImmediate();
  await assert.rejects(ask(), /no/);
});
