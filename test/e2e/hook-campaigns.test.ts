import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loop, loopTable } from "../../bench/campaigns/closed-loop.ts";
import { prepare, type Submission } from "../../bench/campaigns/closed-loop-world.ts";
import { soak } from "../../bench/campaigns/soak.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up } from "../../sandbox/sandbox.ts";

const LOOP = "e2e-closed-loop";
const SECONDS = 5;
/** After it an instance that the law keeps for jobs to come ends itself. */
const IDLE_SECONDS = 20;
/** A burst, and a job that comes while its machine is on its way. */
const PLAN: readonly Submission[] = [
  { at: 0, count: 2, seconds: SECONDS },
  { at: 8, count: 1, seconds: SECONDS },
];

describe("the campaigns of the hook, at small size", { timeout: 600_000 }, () => {
  test("in the closed loop every job runs, no more machines are ordered than jobs need, and all end by themselves", async () => {
    await down(LOOP);
    const sandbox = await up({ name: LOOP, settings: { launchDelay: { kind: "constant", seconds: 2 } } });
    const held = await holdings(sandbox.directory);
    try {
      await prepare(sandbox);
      const found = await loop(sandbox, PLAN, "hook", IDLE_SECONDS);
      const { jobs, launches, boots, machineSeconds, samples } = found.measured;
      const said = `\n${loopTable([found])}`;
      assert.equal(jobs, 3, said);
      assert.ok(launches >= 1 && launches <= 2, said);
      assert.equal(boots.length, launches, said);
      // Two jobs at a time on a machine: no less can it be that is paid for.
      assert.ok(machineSeconds >= (jobs * SECONDS) / 2, said);
      assert.ok(Math.max(...samples.map(({ busy }) => busy)) >= 2, said);
      assert.ok(found.predicted.machineSeconds > 0, said);
    } finally {
      await sandbox.down();
    }
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  test("run after run the hook succeeds within its memory, and leaves no file behind", async () => {
    const rows = await soak(10, 1, { name: "e2e-soak" });
    assert.deepEqual(
      rows.map(({ failed }) => failed),
      rows.map(() => 0),
    );
    assert.ok(Math.max(...rows.map(({ megabytes }) => megabytes)) <= 130, JSON.stringify(rows));
    // Ads of slots, what was asked last, histories, state and lock, and an order under way.
    assert.ok((rows.at(-1)?.files ?? 0) <= 10, JSON.stringify(rows.at(-1)));
  });
});
