import assert from "node:assert/strict";
import { test } from "node:test";
import { powerOff, type PowerOff } from "../../bench/campaigns/power-off.ts";

test(
  "jobs on a node that loses its power run elsewhere soon, without having been held",
  { timeout: 400_000 },
  async () => {
    const rows: PowerOff[] = [];
    // A shadow that waits for a dead node does so for three minutes by the drop-in: here for as long as it takes to notice.
    await powerOff("e2e-power-off", [0], { periodSeconds: 3, shadowSeconds: 15 }, (row) => rows.push(row));
    const [row] = rows;
    assert.ok(row !== undefined && row.jobs > 0);
    assert.equal(row.holds, 0);
    // HTCondor by itself would take most of an hour.
    assert.ok(row.elsewhere < 180, `${row.elsewhere} s`);
  },
);
