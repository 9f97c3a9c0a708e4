import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MOST_LOST_SECONDS } from "../../bench/campaigns/checkpoint-job.ts";
import { jobTable, worstInOrder } from "../../bench/campaigns/job-table.ts";
import { jobs, plan as planJobs } from "../../bench/campaigns/jobs.ts";
import { bound, leases, leaseTable, plan } from "../../bench/campaigns/lease.ts";

describe("a campaign of nodes", { timeout: 900_000 }, () => {
  test("has the same plan for the same seed, with every cause in it", () => {
    assert.deepEqual(plan(60, 1), plan(60, 1));
    assert.notDeepEqual(plan(60, 1), plan(60, 2));
    assert.equal(new Set(plan(60, 1).map(({ cause }) => cause)).size, 11);
    assert.deepEqual(planJobs(120, 1), planJobs(120, 1));
    assert.equal(planJobs(120, 1).flatMap((round) => round.jobs).length, 120);
  });

  test("of leases: none is outlived by more than allowed, whichever part of its node has died", async () => {
    const rows = await leases({ size: 4, seed: 125 });
    assert.equal(rows.length, 4);
    for (const { cause, lateSeconds } of rows) {
      assert.ok(lateSeconds <= bound(cause), `\n${leaseTable(rows)}`);
    }
  });

  test("of jobs: none is lost while nodes come and go", async () => {
    const rows = await jobs({ size: 12, seed: 1 });
    assert.deepEqual(
      rows.filter(({ completed }) => !completed),
      [],
    );
    const worst = worstInOrder(rows);
    assert.ok(worst <= MOST_LOST_SECONDS, `\n${jobTable(rows)}`);
  });
});
