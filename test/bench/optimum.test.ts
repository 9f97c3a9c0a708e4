import assert from "node:assert/strict";
import { test } from "node:test";
import { optimalLaw, optimum, type SmallPool } from "../../bench/campaigns/optimal-policy.ts";
import { poisson, smallPlant } from "../../bench/campaigns/optimum.ts";
import { waitValue } from "../../core/laws/wait-value.ts";
import { simulate } from "../../core/sim/simulate.ts";
import { objective } from "../../core/sim/tally.ts";

const HOURS = 3000;
const POOL: SmallPool = {
  arrivals: 2,
  completions: 6,
  tick: 1 / 45,
  waitValue: 3,
  mostJobs: 6,
  mostMachines: 3,
};

test("the best policy of a small pool costs in the simulator what was computed, and no law costs less", () => {
  const best = optimum(POOL);
  const jobs = poisson(POOL, 5, HOURS);
  const plant = smallPlant(POOL);
  const cost = objective(simulate(jobs, plant, optimalLaw(best, POOL), 5), POOL.waitValue) / HOURS;
  assert.ok(Math.abs(cost / best.costPerHour - 1) < 0.05, `${cost} and ${best.costPerHour}`);
  assert.ok(objective(simulate(jobs, plant, waitValue, 5), POOL.waitValue) / HOURS > cost);
});

test("where waiting costs nothing nobody orders, and where it is dear machines are kept", () => {
  assert.equal(optimum({ ...POOL, waitValue: 1e-6 }).act(3, 0, 0, 0).order, 0);
  const dear = optimum({ ...POOL, waitValue: 1000 });
  assert.ok(dear.act(2, 0, 0, 0).order >= 2);
  assert.ok(dear.act(0, 3, 0, 0).release < 3);
});
