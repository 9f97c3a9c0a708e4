import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import { equilibrium } from "../../../core/model/equilibrium.ts";
import { PRINTED, type PoolState } from "../../../core/model/parameters.ts";
import { trajectory, type Run } from "../../../core/model/trajectory.ts";
import { PM, pool, relativeError } from "./goldens.ts";
import { BASE, randomParameters, VARIANTS } from "./random-parameters.ts";

const EMPTY: PoolState = { queued: 0, idle: 0, busy: 0 };
const RUN: Run = {
  parameters: BASE,
  variant: PRINTED,
  spinUpDelay: 0,
  ordering: { kind: "continuous" },
  initial: EMPTY,
};

for (const golden of PM) {
  const run = { ...RUN, parameters: golden.parameters, initial: pool(golden.x0) };
  const check = (spinUpDelay: number, rows: typeof golden.pm1): void => {
    const found = trajectory({ ...run, spinUpDelay }, golden.times);
    rows.forEach((row, i) => {
      const error = relativeError(found[i] ?? EMPTY, pool(row));
      assert.ok(error < 1e-8, `at ${golden.times[i]} h: ${error}`);
    });
  };
  test(`${golden.name}: PM1 follows the golden trajectory to 1e-8`, () => check(0, golden.pm1));
  test(`${golden.name}: PM2 follows the golden trajectory to 1e-8`, () => check(golden.tauQI, golden.pm2));
}

test("10,000 random pools, every variant, PM1 and PM2: no number becomes negative", () => {
  let i = 0;
  for (const parameters of randomParameters(10_000, 31)) {
    const variant = VARIANTS[i % VARIANTS.length] ?? PRINTED;
    const fastest = Math.max(...Object.values(parameters).slice(2), parameters.matchRate * (1 + (i % 20)));
    const end = 3 / fastest;
    const spinUpDelay = i % 2 === 0 ? 0 : end / 2.5;
    const initial = { queued: i % 5, idle: i % 3, busy: i % 4 };
    i++;
    const rows = trajectory(
      { parameters, variant, spinUpDelay, ordering: RUN.ordering, initial },
      [end / 2, end],
      { relative: 1e-5, absolute: 1e-7 },
    );
    for (const { queued, idle, busy } of rows) assert.ok(Math.min(queued, idle, busy) > -1e-5);
  }
});

test("every variant comes to rest at its equilibrium", () => {
  for (const variant of VARIANTS) {
    const parameters = { ...BASE, matchRate: variant.matching === "min" ? 24 : 1 };
    const [last = EMPTY] = trajectory({ ...RUN, parameters, variant, spinUpDelay: 0.1 }, [200]);
    assert.ok(relativeError(last, equilibrium(parameters, variant)) < 1e-6, JSON.stringify(variant));
  }
});

test("orders of a whole period at once follow the continuous ones as the period shrinks", () => {
  const at = (ordering: Run["ordering"]): PoolState =>
    trajectory({ ...RUN, spinUpDelay: 0.1, ordering }, [3])[0] ?? EMPTY;
  const continuous = at({ kind: "continuous" });
  const errors = [0.1, 0.05, 0.0125].map((period) =>
    relativeError(at({ kind: "periodic", period }), continuous),
  );
  assert.ok((errors[0] ?? 0) < 0.2);
  assert.ok((errors[2] ?? 1) < 0.3 * (errors[0] ?? 0), errors.join(" "));
});

test("hourly orders join one spin-up delay after the hour, and without a delay on the hour", () => {
  const parameters = { ...BASE, matchRate: 0, idleTerminationRate: 0, submissionRate: 10 };
  const idle = (spinUpDelay: number, times: number[]): number[] =>
    trajectory(
      {
        ...RUN,
        parameters,
        spinUpDelay,
        ordering: { kind: "periodic", period: 1 },
        initial: { ...EMPTY, queued: 2 },
      },
      times,
    ).map((state) => Math.round(state.idle * 1e6) / 1e6);
  // Nobody matches: the queue is 2 + 10 t, ordered at 0, 1, 2 …
  assert.deepEqual(idle(0.25, [0.2, 0.3, 1.2, 1.3, 2.3]), [0, 2, 2, 14, 36]);
  assert.deepEqual(idle(0, [0.5, 1.5]), [2, 14]);
});

test("rates of zero have a trajectory", () => {
  const parameters = {
    ...BASE,
    submissionRate: 0,
    provisioningRate: 0,
    runningTerminationRate: 0,
    idleTerminationRate: 0,
  };
  const [end = EMPTY] = trajectory({ ...RUN, parameters, initial: { queued: 10, idle: 2, busy: 0 } }, [60]);
  assert.ok(Math.abs(end.queued) < 1e-6 && Math.abs(end.idle + end.busy - 2) < 1e-9);
});

test("what is no pool, no delay, no period or no run is refused", () => {
  const refused = (changes: Partial<Run>, pattern: RegExp, times = [1]): void =>
    assert.throws(
      () => trajectory({ ...RUN, ...changes }, times),
      (error: unknown) =>
        error instanceof UpdraftError && error.kind === "usage" && pattern.test(error.message),
    );
  refused({ spinUpDelay: -1 }, /spin-up delay is -1/);
  refused({ spinUpDelay: Number.NaN }, /spin-up delay is NaN/);
  refused({ ordering: { kind: "periodic", period: 0 } }, /ordering period is 0/);
  refused({ ordering: { kind: "periodic", period: 1e-7 } }, /more than 100000 orders/);
  refused({ initial: { ...EMPTY, idle: -1 } }, /idle is -1/);
  refused({ initial: { ...EMPTY, busy: Number.NaN } }, /busy is NaN/);
  refused({ parameters: { ...BASE, matchRate: -1 } }, /σ_QIR/);
  refused({}, /time 1/, [-1]);
});

test("a spin-up delay of a millionth of the run is too stiff to follow, and says so", () => {
  assert.throws(() => trajectory({ ...RUN, spinUpDelay: 1e-7 }, [1]), { kind: "failed" });
});
