import assert from "node:assert/strict";
import { test } from "node:test";
import { bilinearMatchRate, equilibrium, nonphysicalEquilibrium } from "../../../core/model/equilibrium.ts";
import { eigenvalues } from "../../../core/model/eigenvalues.ts";
import {
  characteristicPolynomial,
  hurwitzDeterminant,
  jacobian,
  linearise,
} from "../../../core/model/linearisation.ts";
import {
  PRINTED,
  type ModelParameters,
  type ModelVariant,
  type PoolState,
} from "../../../core/model/parameters.ts";
import { pm1Eigenvalues } from "../../../core/model/pm1.ts";
import { flowBalance } from "../../../core/model/trajectory.ts";
import { complex, distance, PM, pool, relativeError } from "./goldens.ts";
import { BASE, randomParameters, VARIANTS } from "./random-parameters.ts";

/** What is left of the balance, by the largest flow in it. */
function imbalance(p: ModelParameters, variant: ModelVariant, at: PoolState): number {
  const left = flowBalance(p, variant, at);
  const size = p.submissionRate + p.provisioningRate * Math.abs(at.queued) + p.completionRate * at.busy;
  return Math.max(...Object.values(left).map(Math.abs)) / size;
}

for (const golden of PM) {
  test(`${golden.name}: equilibria, eigenvalues and polynomial agree with the golden values`, () => {
    const p = golden.parameters;
    assert.ok(relativeError(equilibrium(p, PRINTED), pool(golden.equilibrium)) < 1e-13);
    assert.ok(relativeError(nonphysicalEquilibrium(p, "lost"), pool(golden.nonphysicalEquilibrium)) < 1e-13);
    const found = pm1Eigenvalues(p, PRINTED);
    golden.pm1Eigenvalues.forEach((one) =>
      assert.ok(found.some((root) => distance(root, complex(one)) < 1e-10 * (1 + Math.hypot(...one)))),
    );
    characteristicPolynomial(linearise(p, PRINTED)).forEach((value, i) =>
      assert.ok(Math.abs(value / (golden.pm1CharPoly[i] ?? 0) - 1) < 1e-12),
    );
  });
}

test("the printed equation for X_I would balance elsewhere: −σ_IT X_R there is a misprint", () => {
  const { queued, idle, busy } = equilibrium(BASE, PRINTED);
  const change = flowBalance(BASE, PRINTED, { queued, idle, busy }).idle;
  assert.ok(Math.abs(change) < 1e-12);
  const asPrinted = change + BASE.idleTerminationRate * (idle - busy);
  assert.ok(Math.abs(asPrinted) > 200);
});

test("10,000 random pools: the equilibrium is positive, balances in every variant, and PM1 is stable there", () => {
  let i = 0;
  for (const p of randomParameters(10_000, 11)) {
    const variant = VARIANTS[i++ % VARIANTS.length] ?? PRINTED;
    const at = equilibrium(p, variant);
    assert.ok(at.queued > 0 && at.idle > 0 && at.busy > 0);
    assert.ok(imbalance(p, variant, at) < 1e-11, `${JSON.stringify(p)} ${JSON.stringify(variant)}`);
    assert.ok(hurwitzDeterminant(linearise(p, variant)) > 0);
    for (const { re } of pm1Eigenvalues(p, variant)) assert.ok(re < 0);
  }
});

test("10,000 random pools: at a face of the positive orthant no flow leads out", () => {
  let i = 0;
  for (const p of randomParameters(10_000, 12)) {
    const variant = VARIANTS[i++ % VARIANTS.length] ?? PRINTED;
    const [queued, idle, busy] = [i % 7, i % 5, i % 3];
    assert.ok(flowBalance(p, variant, { queued: 0, idle, busy }).queued >= 0);
    assert.ok(flowBalance(p, variant, { queued, idle: 0, busy }).idle >= 0);
    assert.ok(flowBalance(p, variant, { queued, idle, busy: 0 }).busy >= 0);
  }
});

test("the Jacobian is the derivative of the right-hand side, in every variant", () => {
  for (const p of randomParameters(100, 13))
    for (const variant of VARIANTS) {
      const l = linearise(p, variant);
      const rows = jacobian(l);
      (["queued", "idle", "busy"] as const).forEach((by, j) => {
        const step = 1e-5 * l.at[by];
        const up = flowBalance(p, variant, { ...l.at, [by]: l.at[by] + step });
        const down = flowBalance(p, variant, { ...l.at, [by]: l.at[by] - step });
        (["queued", "idle", "busy"] as const).forEach((of, i) => {
          const measured = (up[of] - down[of]) / (2 * step);
          const size = Math.max(...rows.flat().map(Math.abs));
          assert.ok(Math.abs(measured - (rows[i]?.[j] ?? 0)) < 1e-4 * size, `${of} by ${by}`);
        });
      });
    }
});

test("the closed roots are the eigenvalues of the Jacobian, in every variant", () => {
  for (const p of randomParameters(200, 14))
    for (const variant of VARIANTS) {
      const closed = pm1Eigenvalues(p, variant);
      const found = eigenvalues(jacobian(linearise(p, variant)));
      const size = Math.max(...closed.map(({ re, im }) => Math.hypot(re, im)));
      for (const one of found)
        assert.ok(Math.min(...closed.map((other) => distance(one, other))) < 1e-6 * size);
    }
});

test("with rates eighteen decades apart the equilibrium still balances and is still stable", () => {
  const p = { ...BASE, matchRate: 1e9, runningTerminationRate: 1e-9, idleTerminationRate: 1e-9 };
  for (const variant of VARIANTS) {
    assert.ok(imbalance(p, variant, equilibrium(p, variant)) < 1e-11);
    for (const { re } of pm1Eigenvalues(p, variant)) assert.ok(re < 0);
  }
});

test("jobs that are lost with their machine leave fewer busy machines than jobs that come back", () => {
  assert.equal(equilibrium(BASE, PRINTED).busy, 100 / 1.125);
  assert.equal(equilibrium(BASE, { ...PRINTED, evicted: "requeued" }).busy, 100);
});

test("the min law is scarce up to the gain k r/e + d, and abundant beyond", () => {
  const min: ModelVariant = { matching: "min", evicted: "lost", idleEnd: "rate" };
  const p = { ...BASE, matchRate: 24, idleTerminationRate: 0.1 };
  const border = (24 * 0.125) / 1.125 + 0.1;
  const scarce = equilibrium({ ...p, provisioningRate: 0.99 * border }, min);
  const abundant = equilibrium({ ...p, provisioningRate: 1.01 * border }, min);
  assert.ok(scarce.queued > scarce.idle && abundant.queued < abundant.idle);
});

test("the bilinear rate matches as many jobs at the equilibrium as the min law", () => {
  const p = { ...BASE, matchRate: 24 };
  for (const idleEnd of ["rate", "timer"] as const) {
    const min = equilibrium(p, { matching: "min", evicted: "lost", idleEnd });
    const matchRate = bilinearMatchRate(p, { evicted: "lost", idleEnd });
    const bilinear = equilibrium({ ...p, matchRate }, { matching: "mass-action", evicted: "lost", idleEnd });
    assert.ok(Math.abs(matchRate * min.queued * min.idle - 24 * Math.min(min.queued, min.idle)) < 1e-9);
    if (idleEnd === "rate") assert.ok(relativeError(bilinear, min) < 1e-12);
  }
});
