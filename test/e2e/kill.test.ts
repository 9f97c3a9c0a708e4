import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { faultyPlan, faultyRuns } from "../../bench/campaigns/kill-faults.ts";
import { killPlan } from "../../bench/campaigns/kill-plan.ts";
import type { KillResult } from "../../bench/campaigns/kill-round.ts";
import { killRuns } from "../../bench/campaigns/kill.ts";
import { down } from "../../sandbox/sandbox.ts";

const NAME = "e2e-kill";
const FAULTY = "e2e-kill-faults";
const KILLS = 4;

describe("a run that is killed while it orders", { timeout: 300_000 }, () => {
  let results: KillResult[];
  let forgotten: KillResult | undefined;

  before(async () => {
    const lossy = { aim: "before the answer", orderer: "hook", next: "hook" } as const;
    const unlucky = { number: KILLS, count: 1, nextCount: 1, chance: 0, late: true, forgotten: true };
    results = await killRuns([...killPlan(KILLS, 1), { ...lossy, ...unlucky }], { name: NAME });
    forgotten = results.pop();
  });
  after(() => down(NAME));

  test("died where it was to die, by the cloud's log and the journal's files", () => {
    assert.equal(results.length, KILLS);
    const hit = results.filter(({ aim }) => aim !== "at random").map(({ window }) => window);
    assert.deepEqual(hit, ["before the request", "before the answer", "before the record"]);
  });

  test("leaves it to the next run, which orders nothing twice and forgets nothing", () => {
    assert.deepEqual(
      results.flatMap(({ number, wrong }) => wrong.map((what) => `${number}: ${what}`)),
      [],
    );
    assert.ok(results.some(({ instancesIntended }) => instancesIntended > 0));
  });

  test("orders twice when its journal is lost and EC2 shows it late, and that is noticed", () => {
    assert.match(forgotten?.wrong.join() ?? "", /3 instances were intended, and there are 6/);
  });
});

describe(
  "the hook that is killed in a row while EC2 throttles, loses answers and shows late",
  { timeout: 300_000 },
  () => {
    after(() => down(FAULTY));

    test("ends with the instances that are needed, and its liability never passed the limit", async () => {
      const [round, ...more] = await faultyRuns(faultyPlan(KILLS, 1), { name: FAULTY });
      assert.ok(round !== undefined && more.length === 0);
      assert.deepEqual(round.wrong, []);
      assert.equal(round.kills.length, KILLS);
      assert.ok(round.faults > 0, "no fault struck");
      assert.ok(round.kills.some(({ window }) => window !== "after its end"));
    });
  },
);
