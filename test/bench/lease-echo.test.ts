import assert from "node:assert/strict";
import { test } from "node:test";
import { echoes, wave } from "../../bench/campaigns/lease-echo.ts";

test("machines that were ordered together come back as a wave each lease, in the simulator as by theory", () => {
  const { model, simulated } = echoes(8, 3, 1, false);
  const [byModel, bySimulator] = [wave(model, 8), wave(simulated, 8)];
  assert.ok(
    Math.abs(bySimulator.period / byModel.period - 1) < 0.05,
    `${bySimulator.period} and ${byModel.period}`,
  );
  assert.ok(byModel.period > 8 && byModel.period < 9);
  assert.equal(simulated.length, model.length);
});

test("evicted jobs that begin anew make a larger wave than those that go on where they were", () => {
  const [anew, resumed] = [false, true].map((resumes) => wave(echoes(8, 3, 2, resumes).simulated, 8).swings);
  anew?.forEach((swing, i) => assert.ok(swing > 1.5 * (resumed?.[i] ?? 0), `${anew} and ${resumed}`));
});

test("a wave of known period and growth is measured as it is", () => {
  const machines = Array.from({ length: 5 * 480 }, (_, minute) => {
    const lease = minute / 480;
    return 100 + 1.2 ** lease * Math.sin((2 * Math.PI * minute) / 480);
  });
  const { period, swings, growth } = wave(machines, 8);
  assert.equal(swings.length, 4);
  assert.ok(Math.abs(period - 8) < 0.1, String(period));
  assert.ok(Math.abs(growth - 0.2) < 0.02, String(growth));
});
