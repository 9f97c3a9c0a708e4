import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import { breakpoints, integrate, type DelayProblem } from "../../../core/model/integrate.ts";
import { classic } from "./goldens.ts";

function worst(problem: DelayProblem, name: string, which = 0): number {
  const golden = classic(name, which);
  const rows = integrate(problem, golden.times);
  return Math.max(
    ...golden.x.map((value, i) => Math.abs((rows[i]?.[0] ?? 0) - value) / Math.max(Math.abs(value), 0.1)),
  );
}

const scalar = (
  delay: number,
  initial: number,
  slope: (x: number, then: number) => number,
): DelayProblem => ({
  initial: [initial],
  delays: [delay],
  derivative(time, [x = 0], past, out) {
    out[0] = slope(x, past(0, time - delay));
  },
});

test("the linear delay equation follows its exact polynomials through every breakpoint", () => {
  assert.ok(
    worst(
      scalar(1, 1, (_, then) => -then),
      "linear-delay",
    ) < 1e-10,
  );
});

test("Wright's, Hutchinson's and both Mackey–Glass equations agree with the golden values to 1e-8", () => {
  assert.ok(
    worst(
      scalar(1, 0.5, (x, then) => -1.4 * then * (1 + x)),
      "wright",
    ) < 1e-9,
  );
  assert.ok(
    worst(
      scalar(1, 0.1, (x, then) => 1.2 * x * (1 - then)),
      "hutchinson",
    ) < 1e-9,
  );
  const glass = (delay: number) => scalar(delay, 0.5, (x, then) => (0.2 * then) / (1 + then ** 10) - 0.1 * x);
  assert.ok(worst(glass(6), "mackey-glass", 0) < 1e-8);
  assert.ok(worst(glass(17), "mackey-glass", 1) < 1e-8);
});

test("an exponential is exact to the tolerance, at times within steps as well", () => {
  const times = [0, 0.1, 0.25, 1, 3.3, 10];
  const rows = integrate(
    {
      initial: [2],
      delays: [],
      derivative: (_, [x = 0], _past, out) => {
        out[0] = -x;
      },
    },
    times,
  );
  times.forEach((time, i) => assert.ok(Math.abs((rows[i]?.[0] ?? 0) / (2 * Math.exp(-time)) - 1) < 1e-9));
});

test("an impulse adds at its instant, and a later one reads what was before", () => {
  const rows = integrate(
    {
      initial: [1],
      delays: [],
      memory: 2,
      impulses: [
        { time: 0, apply: (state) => void (state[0] = 5) },
        { time: 1, apply: (state) => void (state[0] = (state[0] ?? 0) + 10) },
        { time: 3, apply: (state, past) => void (state[0] = past(0, 1.5) + 100) },
      ],
      derivative: (_time, _state, _past, out) => {
        out[0] = 1;
      },
    },
    [0.5, 1, 2, 4],
  );
  const expected = [5.5, 6, 17, 117.5];
  rows.forEach((row, i) => assert.ok(Math.abs((row[0] ?? 0) - (expected[i] ?? 0)) < 1e-9, `${row[0]}`));
});

test("a delay beyond the end of the run leaves the past alone", () => {
  const rows = integrate(
    scalar(50, 3, (_, then) => then),
    [1, 2],
  );
  assert.ok(Math.abs((rows[1]?.[0] ?? 0) - 9) < 1e-10);
});

test("a long run forgets what no delay reaches, and goes on rightly", () => {
  const omega = 1;
  const delay = 0.001;
  const rows = integrate(
    scalar(delay, 1, (_, then) => -omega * then),
    [12],
    { relative: 1e-6, absolute: 1e-9 },
  );
  // The rightmost root of λ = −e^(−λ/1000).
  const root = -1.001001502;
  assert.ok(Math.abs((rows[0]?.[0] ?? 0) / Math.exp(12 * root) - 1) < 0.01);
});

test("breakpoints are sums of up to five delays, each once, and impulses to the bit", () => {
  assert.deepEqual(breakpoints([1], [], 10), [1, 2, 3, 4, 5, 10]);
  assert.deepEqual(breakpoints([], [], 4), [4]);
  const both = breakpoints([0.1, 0.2], [0.3], 0.45);
  assert.ok(both.includes(0.3) && both.includes(0.1) && both.at(-1) === 0.45);
  both.forEach((time, i) => assert.ok(i === 0 || time - (both[i - 1] ?? 0) > 1e-9));
});

test("only times that do not decrease are taken, and none of them is odd", () => {
  const problem = scalar(1, 1, (x) => -x);
  assert.deepEqual(integrate(problem, []), []);
  assert.deepEqual(integrate(problem, [0]), [[1]]);
  for (const bad of [[-1], [1, 0.5], [Number.NaN], [Number.POSITIVE_INFINITY]])
    assert.throws(() => integrate(problem, bad), { name: "UpdraftError", kind: "usage" });
});

test("a stiff problem and one that leaves the numbers fail aloud", () => {
  const failed = (error: unknown): boolean =>
    error instanceof UpdraftError && error.kind === "failed" && /stiff/.test(error.remedy);
  const stiff: DelayProblem = {
    initial: [1],
    delays: [],
    derivative: (_, [x = 0], _past, out) => {
      out[0] = -1e8 * x;
    },
  };
  assert.throws(() => integrate(stiff, [100], { relative: 1e-3, absolute: 1e-3 }), failed);
  const explosive: DelayProblem = {
    initial: [1],
    delays: [],
    derivative: (_, [x = 0], _past, out) => {
      out[0] = x * x;
    },
  };
  assert.throws(() => integrate(explosive, [2]), failed);
});
