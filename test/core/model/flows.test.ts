import assert from "node:assert/strict";
import { test } from "node:test";
import { idleEnds, matches, timerRate } from "../../../core/model/flows.ts";
import { BASE, randomParameters, VARIANTS } from "./random-parameters.ts";
import { random } from "./simulated-pool.ts";

test("a timer without a hazard ends one per its length, with one fewer, and with a strong one none", () => {
  assert.equal(timerRate(0, 1 / 3).rate, 3);
  assert.ok(Math.abs(timerRate(24, 1 / 3).rate - (24 * Math.exp(-8)) / (1 - Math.exp(-8))) < 1e-15);
  assert.deepEqual(timerRate(1e6, 1), { rate: 0, slope: 0 });
});

test("the timer's rate is how often it really runs out between random matches", () => {
  const draw = random(5);
  const [hazard, length] = [4, 0.3];
  let [spent, ended] = [0, 0];
  for (let i = 0; i < 200_000; i++) {
    const match = -Math.log(1 - draw()) / hazard;
    spent += Math.min(match, length);
    if (match > length) ended++;
  }
  assert.ok(Math.abs(ended / spent / timerRate(hazard, length).rate - 1) < 0.01);
});

test("the slope of the timer's rate is its derivative, on both sides of where its series ends", () => {
  for (const hazard of [1e-6, 0.0099, 0.0101, 0.3, 3, 30]) {
    const step = 1e-5 * Math.max(hazard, 0.1);
    const measured =
      (timerRate(hazard + step, 1).rate - timerRate(Math.max(0, hazard - step), 1).rate) /
      (hazard + step - Math.max(0, hazard - step));
    const { slope } = timerRate(hazard, 1);
    assert.ok(Math.abs(measured - slope) < 1e-5, `${hazard}: ${measured} ${slope}`);
    assert.ok(slope >= -0.5 && slope < 0);
  }
});

test("the derivatives of matches and idle ends are those of their rates, in every variant", () => {
  const draw = random(2);
  for (const p of randomParameters(200, 1))
    for (const variant of VARIANTS)
      for (const flow of [matches, idleEnds]) {
        const [queued, idle] = [1 + 50 * draw(), 1 + 50 * draw()];
        const [dq, di] = [1e-6 * queued, 1e-6 * idle];
        const at = flow(p, variant, queued, idle);
        const byQueued =
          (flow(p, variant, queued + dq, idle).rate - flow(p, variant, queued - dq, idle).rate) / (2 * dq);
        const byIdle =
          (flow(p, variant, queued, idle + di).rate - flow(p, variant, queued, idle - di).rate) / (2 * di);
        const size = 1e-6 * (at.rate / Math.min(queued, idle)) + 1e-12;
        // Next to the corner of the min law neither side is wrong.
        if (Math.abs(queued - idle) < 1e-4 * queued) continue;
        assert.ok(Math.abs(byQueued - at.byQueued) < size + 1e-4 * Math.abs(at.byQueued), flow.name);
        assert.ok(Math.abs(byIdle - at.byIdle) < size + 1e-4 * Math.abs(at.byIdle), flow.name);
      }
});

test("without an idle timeout no idle machine ends", () => {
  const p = { ...BASE, idleTerminationRate: 0 };
  for (const variant of VARIANTS) assert.equal(idleEnds(p, variant, 3, 5).rate, 0);
});
