import assert from "node:assert/strict";
import { test } from "node:test";
import { isWrong, someCases, spoilEach, type Sensed } from "../../bench/campaigns/sensors.ts";

test(
  "answers that fail, are late, empty, old, cut short or halved have nothing ordered or released in vain",
  { timeout: 400_000 },
  async () => {
    const rows: Sensed[] = [];
    await spoilEach("e2e-sensors", someCases(8, 3), (row) => rows.push(row));
    assert.equal(rows.length, 8);
    assert.deepEqual(rows.filter(isWrong), []);
    assert.deepEqual(
      rows.filter(({ seconds }) => seconds > 50),
      [],
    );
  },
);
