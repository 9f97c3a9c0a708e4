import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BOOT_CAUSES } from "../../bench/campaigns/boot-causes.ts";
import { bootFaults, bootTable, plan, wrongWith } from "../../bench/campaigns/boot-faults.ts";

describe("a campaign of boots with something wrong", { timeout: 600_000 }, () => {
  test("has the same plan for the same seed, with every cause in it", () => {
    assert.deepEqual(plan(50, 1), plan(50, 1));
    assert.notDeepEqual(plan(50, 1), plan(50, 2));
    assert.equal(new Set(plan(50, 1).map(({ cause }) => cause)).size, BOOT_CAUSES.length);
  });

  test("becomes a node where it can, else says why and ends itself in time", async () => {
    // A full disk, a clock that is wrong, a join that is killed, and user data twice at once.
    const rows = await bootFaults({ size: 4, seed: 3893 });
    assert.equal(rows.length, 4);
    assert.deepEqual(
      rows.map(wrongWith).filter((wrong) => wrong !== undefined),
      [],
      `\n${bootTable(rows)}`,
    );
  });
});
