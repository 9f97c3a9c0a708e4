import assert from "node:assert/strict";
import { test } from "node:test";
import { estimateSpinUp, USUAL_SPIN_UP, type SpinUp } from "../../../core/model/spin-up.ts";
import { random } from "./simulated-pool.ts";

const minutes = (...values: number[]): SpinUp[] =>
  values.map((value) => ({ from: value / 60, to: value / 60 }));
const IN_FLIGHT = Number.POSITIVE_INFINITY;

test("with nothing seen the estimate is the prior: four minutes, give or take", () => {
  const { delay, within } = estimateSpinUp([]);
  assert.equal(delay.source, "prior");
  assert.ok(Math.abs(delay.value * 60 - 4) < 0.05);
  // Student's t with 4 degrees of freedom over √(b/a (1 + 1/weight)).
  const expected = 4 * Math.exp(1.533206 * Math.sqrt(0.15));
  assert.ok(Math.abs((within(0.9) * 60) / expected - 1) < 0.02, `${within(0.9) * 60} ${expected}`);
});

test("exact delays give the conjugate posterior: Student's t in closed form", () => {
  const { delay, within } = estimateSpinUp(minutes(5, 6, 7, 5.5, 6.5, 8));
  const logs = [5, 6, 7, 5.5, 6.5, 8].map((value) => Math.log(value / 60));
  const mean = logs.reduce((sum, value) => sum + value, 0) / 6;
  const m0 = Math.log(USUAL_SPIN_UP.median);
  const centre = (m0 + 6 * mean) / 7;
  const squares = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const b = 0.15 + squares / 2 + (6 * (mean - m0) ** 2) / 14;
  // 5 = 2 + 6/2 is the shape, so 10 degrees of freedom: t at 95 % is 1.812461, at 99 % 2.763769.
  const half = 1.812461 * Math.sqrt(b / 5 / 7);
  assert.equal(delay.source, "measured");
  assert.ok(Math.abs(delay.value / Math.exp(centre) - 1) < 0.003);
  assert.ok(Math.abs(delay.low / Math.exp(centre - half) - 1) < 0.01);
  assert.ok(Math.abs(delay.high / Math.exp(centre + half) - 1) < 0.01);
  const late = Math.exp(centre + 2.763769 * Math.sqrt((b / 5) * (1 + 1 / 7)));
  assert.ok(Math.abs(within(0.99) / late - 1) < 0.02);
});

test("machines in flight for long move the estimate up; left out, they would bias it low", () => {
  const seen = minutes(3, 3.2, 3.5, 3.8);
  const alone = estimateSpinUp(seen);
  const waiting = estimateSpinUp([...seen, { from: 9 / 60, to: IN_FLIGHT, count: 4 }]);
  assert.ok(waiting.delay.value > 1.3 * alone.delay.value);
  assert.ok(waiting.within(0.99) > 2 * alone.within(0.99));
  assert.equal(waiting.delay.events, 4);
  assert.equal(waiting.delay.source, "shrunk");
});

test("a machine that was ordered just now, or joined before the first poll, says little or nothing", () => {
  const seen = minutes(3, 3.2, 3.5, 3.8, 4, 3.3);
  const alone = estimateSpinUp(seen).delay;
  const young = estimateSpinUp([...seen, { from: 0, to: IN_FLIGHT }]).delay;
  assert.deepEqual(young, alone);
  const early = estimateSpinUp([...seen, { from: 0, to: 30 / 60 }]).delay;
  assert.ok(Math.abs(early.value / alone.value - 1) < 0.01);
});

test("polls around the joining give what exact times give, without the bias of taking the later poll", () => {
  const draw = random(9);
  const exact: SpinUp[] = [];
  const polled: SpinUp[] = [];
  for (let i = 0; i < 60; i++) {
    const delay = (3.46 / 60) * Math.exp(0.3 * (draw() + draw() + draw() + draw() - 2) * 1.732);
    const ordered = draw() * 10;
    const poll = Math.ceil((ordered + delay) * 12) / 12;
    exact.push({ from: delay, to: delay });
    polled.push({ from: Math.max(0, poll - 1 / 12 - ordered), to: poll - ordered });
  }
  const truth = estimateSpinUp(exact).delay.value;
  const found = estimateSpinUp(polled).delay;
  assert.ok(Math.abs(found.value / truth - 1) < 0.12, `${found.value} ${truth}`);
  assert.ok(found.low < truth && truth < found.high);
});

test("bounds that are all but one time are that time", () => {
  const exact = estimateSpinUp(minutes(5, 6)).delay;
  const close = [5, 6].map((value) => ({ from: value / 60, to: (value / 60) * (1 + 1e-15) }));
  assert.deepEqual(estimateSpinUp(close).delay, exact);
});

test("a thousand delays pin the median down to a few percent", () => {
  const { delay } = estimateSpinUp([
    { from: 0.05, to: 0.05, count: 500 },
    { from: 0.07, to: 0.07, count: 500 },
  ]);
  assert.ok(Math.abs(delay.value / Math.sqrt(0.05 * 0.07) - 1) < 0.01);
  assert.ok(delay.high / delay.low < 1.04 && delay.high > delay.low);
});

test("a cloud ten times slower than the prior is believed when it has been seen", () => {
  const { delay } = estimateSpinUp(minutes(38, 40, 45, 41, 39, 42, 44, 40, 37, 43));
  assert.ok(delay.value * 60 > 25, `${delay.value * 60}`);
});

test("times that are no times are refused, and shares that are no shares", () => {
  for (const bad of [
    { from: -1, to: 1 },
    { from: 2, to: 1 },
    { from: Number.NaN, to: 1 },
    { from: 0, to: 0 },
    { from: IN_FLIGHT, to: IN_FLIGHT },
    { from: 1, to: 1, count: 0 },
  ])
    assert.throws(() => estimateSpinUp([bad]), { kind: "usage" });
  const { within } = estimateSpinUp([]);
  for (const bad of [0, 1, Number.NaN]) assert.throws(() => within(bad), { kind: "usage" });
});
