import assert from "node:assert/strict";
import { test } from "node:test";
import { coefficientsAt } from "../../../core/model/linearisation.ts";
import { matrixExponential } from "../../../core/model/matrix-exponential.ts";
import type { ModelParameters, ModelVariant } from "../../../core/model/parameters.ts";
import { multipliersOf, sampledMultipliers } from "../../../core/model/sampled.ts";
import { complex, distance, SAMPLED } from "./goldens.ts";
import { BASE } from "./random-parameters.ts";

const MIN: ModelVariant = { matching: "min", evicted: "lost", idleEnd: "rate" };
const SCARCE = { queued: 2, idle: 1, busy: 1 };

for (const golden of SAMPLED)
  test(`orders every ${golden.T.toPrecision(2)} h at a gain of ${golden.sQI}/h: the multipliers are the golden ones`, () => {
    const parameters: ModelParameters = {
      submissionRate: 100,
      matchRate: golden.k,
      provisioningRate: golden.sQI,
      completionRate: golden.sRI,
      idleTerminationRate: golden.sIT,
      runningTerminationRate: golden.sRT,
    };
    // The golden values suppose scarce machines also where the equilibrium of this gain has none.
    const found = multipliersOf(coefficientsAt(parameters, MIN, SCARCE), golden.T, golden.tau);
    golden.multipliers.forEach((one, i) =>
      assert.ok(distance(found[i] ?? { re: 9, im: 9 }, complex(one)) < 1e-8, `${i}`),
    );
  });

const TIMED: ModelVariant = { ...MIN, idleEnd: "timer" };

test("hourly orders flip from hour to hour from a gain of about 1.5/h on, whatever the delay below ten minutes", () => {
  for (const [minutes, critical] of [
    [2, 1.455],
    [5, 1.506],
    [10, 1.598],
  ] as const) {
    const largest = (provisioningRate: number): number =>
      sampledMultipliers({ ...BASE, matchRate: 24, provisioningRate }, TIMED, 1, minutes / 60)[0]?.re ?? 0;
    assert.ok(largest(0.99 * critical) > -1 && largest(1.01 * critical) < -1);
  }
});

test("mass action, periods of nothing and thousands of orders on their way are refused", () => {
  const usage = { kind: "usage" };
  assert.throws(() => sampledMultipliers(BASE, { ...MIN, matching: "mass-action" }, 1, 0.1), usage);
  assert.throws(() => sampledMultipliers(BASE, MIN, 0, 0.1), usage);
  assert.throws(() => sampledMultipliers(BASE, MIN, 1e-4, 1), usage);
});

test("the exponential of a matrix is right for rotations, decay and long times", () => {
  const turned = matrixExponential(
    [
      [0, -1],
      [1, 0],
    ],
    100,
  );
  assert.ok(Math.abs((turned[0]?.[0] ?? 0) - Math.cos(100)) < 1e-11);
  assert.ok(Math.abs((turned[1]?.[0] ?? 0) - Math.sin(100)) < 1e-11);
  assert.ok(Math.abs((matrixExponential([[-3]], 0.05)[0]?.[0] ?? 0) - Math.exp(-0.15)) < 1e-15);
});
