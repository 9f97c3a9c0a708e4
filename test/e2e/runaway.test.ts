import assert from "node:assert/strict";
import { after, test } from "node:test";
import { runawayRun } from "../../bench/campaigns/runaway.ts";
import { SCENARIOS } from "../../bench/campaigns/runaway-scenarios.ts";
import { down, type Sandbox } from "../../sandbox/sandbox.ts";

const NAME = "e2e-runaway";
const RUNS = 7;

after(() => down(NAME));

test(
  "nodes that never join are ordered for three times, then no more, and status and model tell",
  { timeout: 300_000 },
  async () => {
    const scenario = SCENARIOS.find(({ name }) => name === "nodes never join");
    assert.ok(scenario);
    let history = "";
    const model: { exitCode: number; stdout: string; stderr: string }[] = [];
    const check = async ({ accessPoint }: Sandbox): Promise<void> => {
      history = await accessPoint.run(["updraft", "status", "burst", "--history"]);
      model.push(await accessPoint.exec(["updraft", "model", "burst"]));
    };
    const found = await runawayRun(scenario, RUNS, { name: NAME, check });
    assert.deepEqual(found.wrong, []);
    assert.deepEqual([found.orders, found.breaker, found.limitedBy], [3, "open", "Breaker"], found.reason);
    assert.match(found.reason, /of the last 3 orders no instance came to work/);
    assert.match(history, /^from +runs +annex/);
    assert.match(history, /Breaker \(breaker open\)/);
    // The schedd's ad has the estimates only once it has run the hook itself; until then the options are named.
    const [said] = model;
    assert.ok(said?.exitCode === 0 || /Give --submission-rate RATE/.test(said?.stderr ?? ""), said?.stderr);
  },
);
