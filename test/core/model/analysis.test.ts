import assert from "node:assert/strict";
import { test } from "node:test";
import { analyse } from "../../../core/model/analysis.ts";
import { PRINTED } from "../../../core/model/parameters.ts";
import { PM, pool, relativeError } from "./goldens.ts";
import { BASE } from "./random-parameters.ts";

test("the analysis of a parameter set joins everything that the models say of it", () => {
  for (const golden of PM) {
    const found = analyse(golden.parameters, PRINTED, golden.tauQI, { roots: 3 });
    assert.ok(relativeError(found.equilibrium, pool(golden.equilibrium)) < 1e-12);
    assert.equal(found.eigenvalues.length, 3);
    assert.ok(Math.abs((found.hopf?.criticalDelay ?? 0) / golden.hopf.tau - 1) < 1e-9);
    assert.equal(found.stable, golden.tauQI < golden.hopf.tau);
    assert.equal(found.stable, found.margin.delayHours > 0);
    assert.ok(Math.abs((found.roots[0]?.re ?? 0) - (golden.pm2Roots[0]?.[0] ?? 1)) < 1e-8);
    assert.equal(found.lease, undefined);
  }
});

test("with a lease it has the echo as well", () => {
  const { lease } = analyse({ ...BASE, provisioningRate: 0.3, idleTerminationRate: 0.1 }, PRINTED, 5 / 60, {
    lease: 8,
  });
  assert.ok(Math.abs((lease?.roots[0]?.re ?? 0) - 0.02720840653820254) < 1e-8);
  assert.ok(Math.abs((lease?.equilibrium.busy ?? 0) - 89.00036104264204) < 1e-8);
});

test("a bad rate, delay or lease is refused before anything is computed", () => {
  assert.throws(() => analyse({ ...BASE, matchRate: Number.NaN }, PRINTED, 0.1), { kind: "usage" });
  assert.throws(() => analyse(BASE, PRINTED, -0.1), { kind: "usage" });
  assert.throws(() => analyse(BASE, PRINTED, 0.1, { lease: 0 }), { kind: "usage" });
});
