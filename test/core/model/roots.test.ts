import assert from "node:assert/strict";
import { test } from "node:test";
import type { Complex } from "../../../core/model/complex.ts";
import { characteristic, type DelaySystem } from "../../../core/model/delay-system.ts";
import { hopfOf } from "../../../core/model/hopf.ts";
import { inFlightRoots, type InFlightModel } from "../../../core/model/in-flight.ts";
import { linearise } from "../../../core/model/linearisation.ts";
import { PRINTED } from "../../../core/model/parameters.ts";
import { pm2Roots, pm2System } from "../../../core/model/pm2.ts";
import { pm1Eigenvalues } from "../../../core/model/pm1.ts";
import { rightmostRoots } from "../../../core/model/rightmost-roots.ts";
import { countRootsRightOf, countWithin } from "../../../core/model/root-count.ts";
import { classic, complex, distance, PM } from "./goldens.ts";
import { BASE, randomParameters, VARIANTS } from "./random-parameters.ts";

function check(found: readonly Complex[], expected: readonly (readonly [number, number])[]): void {
  assert.equal(found.length, expected.length);
  expected.forEach((one, i) => {
    const error = distance(found[i] ?? { re: Number.NaN, im: 0 }, complex(one));
    assert.ok(error < 1e-8, `root ${i}: ${error}`);
  });
}

for (const golden of PM)
  test(`${golden.name}: the roots of PM2 agree with the golden values to 1e-8, and so does their number`, () => {
    const roots = pm2Roots(golden.parameters, PRINTED, golden.tauQI, golden.pm2Roots.length);
    check(roots, golden.pm2Roots);
    const system = pm2System(linearise(golden.parameters, PRINTED), golden.tauQI);
    const [first] = roots;
    assert.equal(
      countRootsRightOf(system, (first?.re ?? 0) - 1e-6 * Math.abs(first?.re ?? 0)),
      golden.pm2RootsRightOfRightmostMinusEps,
    );
  });

const scalar = (now: number, then: number, delay: number): DelaySystem => ({
  matrix: [[now]],
  feedbacks: [{ output: [1], inputs: [{ delay, gain: [then] }] }],
  structuralRoots: [],
});

test("roots of the classic scalar equations agree with their closed forms", () => {
  for (const [name, which, system] of [
    ["linear-delay", 0, scalar(0, -1, 1)],
    ["hayes", 0, scalar(-1, -2, 1)],
    ["wright", 0, scalar(0, -1.4, 1)],
    ["hutchinson", 0, scalar(0, -1.2, 1)],
    ["mackey-glass", 0, scalar(-0.1, -0.4, 6)],
    ["mackey-glass", 1, scalar(-0.1, -0.4, 17)],
  ] as const) {
    const { roots } = classic(name, which);
    check(rightmostRoots(system, roots.length), roots);
  }
});

const neurons = (a21: number): DelaySystem => ({
  matrix: [
    [-0.5, 0],
    [0, -0.5],
  ],
  feedbacks: [
    {
      output: [1, 0],
      inputs: [
        { delay: 1.5, gain: [-1, 0] },
        { delay: 0.2, gain: [0, a21] },
      ],
    },
    {
      output: [0, 1],
      inputs: [
        { delay: 1.5, gain: [0, -1] },
        { delay: 0.2, gain: [1, 0] },
      ],
    },
  ],
  structuralRoots: [],
});

test("two neurons with three delays have the golden roots and the published Hopf point", () => {
  const golden = classic("neuron");
  check(rightmostRoots(neurons(2.34), golden.roots.length), golden.roots);
  const { a21, omega } = golden["hopf"] as { a21: number; omega: number };
  const [first] = rightmostRoots(neurons(a21), 1);
  assert.ok(distance(first ?? { re: 9, im: 9 }, { re: 0, im: omega }) < 1e-8);
});

test("at random pools the rightmost root has the side of the axis that the count says, in every variant", () => {
  let [stable, unstable] = [0, 0];
  let i = 0;
  for (const p of randomParameters(120, 41)) {
    const variant = VARIANTS[i++ % VARIANTS.length] ?? PRINTED;
    const l = linearise(p, variant);
    const critical = hopfOf(l)?.criticalDelay ?? 1 / p.completionRate;
    if (critical > 1e4) continue;
    const delay = (i % 3 === 0 ? 0.6 : 1.8) * critical;
    const system = pm2System(l, delay);
    const [first] = pm2Roots(p, variant, delay);
    const right = countRootsRightOf(system, 0);
    assert.equal((first?.re ?? 0) > 0, right > 0);
    if (right > 0) unstable++;
    else stable++;
  }
  assert.ok(stable > 10 && unstable > 10, `${stable} ${unstable}`);
});

test("without a delay PM2 has the eigenvalues of PM1, by either way", () => {
  const upper = pm1Eigenvalues(BASE, PRINTED).filter(({ im }) => im >= 0);
  assert.deepEqual(pm2Roots(BASE, PRINTED, 0, 3), upper);
  const found = rightmostRoots(pm2System(linearise(BASE, PRINTED), 0), 3);
  found.forEach((root, i) => assert.ok(distance(root, upper[i] ?? root) < 1e-10));
  assert.equal(found.length, upper.length);
});

test("Δ'/Δ is the derivative of the logarithm of Δ", () => {
  const at = characteristic(pm2System(linearise(BASE, PRINTED), 0.7));
  for (const point of [
    { re: 0.3, im: 2 },
    { re: -2, im: 0.5 },
    { re: 5, im: -7 },
  ]) {
    const step = 1e-6;
    const up = at({ re: point.re + step, im: point.im });
    const down = at({ re: point.re - step, im: point.im });
    const { ratio } = at(point);
    assert.ok(Math.abs((up.logarithm - down.logarithm) / (2 * step) - ratio.re) < 1e-6);
    assert.ok(Math.abs((up.angle - down.angle) / (2 * step) - ratio.im) < 1e-6);
  }
});

test("a count through a root, or one that takes too long, is given up aloud", () => {
  const system = scalar(-2, 0, 1);
  assert.equal(countRootsRightOf(system, -2.5), 1);
  assert.throws(() => countRootsRightOf(system, -2), { kind: "failed" });
  assert.equal(countWithin(scalar(-1, -2, 1), -1, 10), undefined);
  assert.equal(countWithin(scalar(-1, -2, 1), -1e4, 1000), undefined);
});

test("an oscillation far faster than the delay is still found", () => {
  const fast: DelaySystem = {
    matrix: [
      [0, 1],
      [-1e6, 0],
    ],
    feedbacks: [{ output: [1, 0], inputs: [{ delay: 10, gain: [0, 100] }] }],
    structuralRoots: [],
  };
  const [first] = rightmostRoots(fast, 1);
  assert.ok(first && first.re > 0 && first.re < 0.1 && Math.abs(first.im - 1000) < 1);
});

test("roots that could not be confirmed are refused rather than guessed", () => {
  const model: InFlightModel = {
    parameters: {
      submissionRate: 31067.02,
      matchRate: 1.2353542307567692e-4,
      provisioningRate: 2562.647,
      completionRate: 11.34787,
      idleTerminationRate: 2.13702,
      runningTerminationRate: 16.06344,
    },
    variant: { matching: "min", evicted: "requeued", idleEnd: "rate" },
    spinUpDelay: 18.06448,
  };
  assert.throws(() => inFlightRoots(model), { kind: "failed", message: /could not be confirmed/ });
});
