import assert from "node:assert/strict";
import { test } from "node:test";
import { loopTable, page, predict } from "../../bench/campaigns/closed-loop.ts";
import { submissions, type Measured } from "../../bench/campaigns/closed-loop-world.ts";

const PLAN = submissions(400, 12, 1);
const BOOTS = [24, 26, 28, 30, 34];

test("the plan is a burst, a stream, a burst and silence, the same for a seed", () => {
  assert.deepEqual(submissions(400, 12, 1), PLAN);
  assert.notDeepEqual(submissions(400, 12, 2), PLAN);
  assert.deepEqual(
    [PLAN[0], PLAN.at(-1)?.at, PLAN.at(-1)?.count],
    [{ at: 0, count: 12, seconds: 40 }, 300, 12],
  );
  assert.ok(PLAN.slice(1, -1).every(({ count, seconds }) => count === 1 && seconds >= 30 && seconds <= 50));
});

test("under the hook the same jobs take fewer machine-seconds than under the seed's law", () => {
  const [hook, seed] = [predict(PLAN, "hook", BOOTS), predict(PLAN, "seed", BOOTS)];
  assert.ok(hook.machineSeconds < seed.machineSeconds);
  assert.ok(hook.samples.some(({ busy }) => busy > 0) && seed.waitSeconds > 0);
});

test("table and page set what was measured beside what was simulated", () => {
  const predicted = predict(PLAN, "hook", BOOTS);
  const measured: Measured = {
    samples: [],
    jobs: 10,
    waitSeconds: predicted.waitSeconds * 2,
    machineSeconds: predicted.machineSeconds,
    launches: 5,
    boots: BOOTS,
  };
  const text = loopTable([{ orders: "hook", measured, predicted }]);
  assert.match(text, /the hook in mode act .*-50 % .* 0 % /);
  assert.match(page([{ orders: "hook", measured, predicted }]), /the hook in mode act: simulated/);
});
