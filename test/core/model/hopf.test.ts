import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import { bilinearMatchRate } from "../../../core/model/equilibrium.ts";
import { criticalGain, crossingFrequenciesSquared, hopf, hopfOf, margin } from "../../../core/model/hopf.ts";
import { linearise } from "../../../core/model/linearisation.ts";
import { PRINTED, type ModelVariant } from "../../../core/model/parameters.ts";
import { pm2Stable, pm2System } from "../../../core/model/pm2.ts";
import { countRootsRightOf } from "../../../core/model/root-count.ts";
import { PM } from "./goldens.ts";
import { BASE, randomParameters, VARIANTS } from "./random-parameters.ts";

for (const golden of PM)
  test(`${golden.name}: the Hopf point agrees with the golden value to 1e-9`, () => {
    const found = hopf(golden.parameters, PRINTED);
    assert.ok(found);
    assert.ok(Math.abs(found.criticalDelay / golden.hopf.tau - 1) < 1e-9);
    assert.ok(Math.abs(found.frequency / golden.hopf.omega - 1) < 1e-9);
    assert.ok(Math.abs(found.period / golden.hopf.period - 1) < 1e-9);
  });

const AT_A_RATE = VARIANTS.filter(({ idleEnd }) => idleEnd === "rate");

test("10,000 random pools with idle ends at a rate: exactly one Hopf frequency wherever machines are scarce", () => {
  let i = 0;
  for (const p of randomParameters(10_000, 21)) {
    const variant = AT_A_RATE[i++ % AT_A_RATE.length] ?? PRINTED;
    const l = linearise(p, variant);
    assert.equal(crossingFrequenciesSquared(l).length, l.b > 0 ? 1 : 0);
    const critical = hopfOf(l)?.criticalDelay ?? 1;
    assert.ok(critical > 0 && Number.isFinite(critical));
  }
});

test("just before the Hopf point no root lies right of the imaginary axis, just after it two do", () => {
  let counted = 0;
  let i = 0;
  for (const p of randomParameters(160, 22)) {
    const l = linearise(p, VARIANTS[i++ % VARIANTS.length] ?? PRINTED);
    const point = hopfOf(l);
    // A delay of years takes too many turns to count.
    if (point === undefined || point.criticalDelay > 1e4) continue;
    assert.equal(countRootsRightOf(pm2System(l, 0.99 * point.criticalDelay), 0), 0);
    assert.equal(countRootsRightOf(pm2System(l, 1.01 * point.criticalDelay), 0), 2);
    counted++;
  }
  assert.ok(counted > 80);
});

const minutes = (hours: number | undefined): string => ((hours ?? Number.NaN) * 60).toPrecision(3);
const TIMED: ModelVariant = { matching: "min", evicted: "lost", idleEnd: "timer" };

// Critical delays in minutes: mass action with k = 24 and 120, the min law with a timer, and matching without delay.
for (const [gain, slow, fast, min, limit] of [
  [0.01, "3.13e+3", "1.17e+3", "846", "849"],
  [0.3, "132", "84.4", "66.4", "68.5"],
  [1, "79.9", "53.5", "42.0", "43.8"],
  [10, "59.5", "15.7", "NaN", "8.78"],
] as const)
  test(`critical delays at a gain of ${gain}/h are those of the reference table`, () => {
    const p = { ...BASE, provisioningRate: gain };
    const bilinear = (k: number): number | undefined => {
      const matchRate = bilinearMatchRate({ ...p, matchRate: k }, PRINTED);
      return hopf({ ...p, matchRate }, PRINTED)?.criticalDelay;
    };
    assert.equal(minutes(bilinear(24)), slow);
    assert.equal(minutes(bilinear(120)), fast);
    assert.equal(minutes(hopf({ ...p, matchRate: 24 }, TIMED)?.criticalDelay), min);
    assert.equal(minutes(hopf({ ...p, matchRate: 1e7 }, TIMED)?.criticalDelay), limit);
  });

test("with matching without delay the critical delay has its closed form", () => {
  const [p, c, r] = [5, 1, 0.125];
  const e = c + r;
  const found = hopf({ ...BASE, provisioningRate: p, matchRate: 1e8 }, TIMED);
  const square = (p * p - r * r + Math.sqrt((p * p - r * r) ** 2 + 4 * p * p * e * e)) / 2;
  const w = Math.sqrt(square);
  const expected = (Math.atan(w / e) + Math.atan(r / w)) / w;
  assert.ok(Math.abs((found?.criticalDelay ?? 0) / expected - 1) < 1e-6);
});

test("a timer that spares machines when jobs queue can take the Hopf point away altogether", () => {
  const p = {
    ...BASE,
    provisioningRate: 10,
    matchRate: bilinearMatchRate({ ...BASE, provisioningRate: 10, matchRate: 24 }, TIMED),
  };
  const variant: ModelVariant = { ...PRINTED, idleEnd: "timer" };
  assert.equal(hopf(p, variant), undefined);
  assert.equal(countRootsRightOf(pm2System(linearise(p, variant), 2), 0), 0);
  assert.ok(pm2Stable(p, variant, 1000));
  assert.equal(margin(p, variant, 0.1).delayRatio, Number.POSITIVE_INFINITY);
});

test("with a timer there are two, one or no crossing frequencies, and at two the delay is critical at the faster", () => {
  const seen = new Set<number>();
  for (const p of randomParameters(3000, 23)) {
    const l = linearise(p, { ...PRINTED, idleEnd: "timer" });
    const squares = crossingFrequenciesSquared(l);
    seen.add(squares.length);
    if (squares.length === 2) assert.ok((squares[0] ?? 0) < (squares[1] ?? 0));
  }
  assert.deepEqual([...seen].sort(), [0, 1, 2]);
});

test("beyond the critical delay a timer may give the stability back, and pm2Stable says what the roots say", () => {
  let [checked, regained] = [0, 0];
  for (const p of randomParameters(20_000, 24)) {
    const variant: ModelVariant = { ...PRINTED, idleEnd: "timer" };
    const l = linearise(p, variant);
    const point = hopfOf(l);
    if (point === undefined || crossingFrequenciesSquared(l).length < 2 || checked === 12) continue;
    checked++;
    for (const factor of [1.2, 2, 3]) {
      const delay: number = factor * point.criticalDelay;
      const stable = pm2Stable(p, variant, delay);
      assert.equal(stable, countRootsRightOf(pm2System(l, delay), 0) === 0);
      if (stable) regained++;
    }
  }
  assert.equal(checked, 12);
  assert.ok(regained > 0);
});

test("the critical gain is where the critical delay has come down to the spin-up delay", () => {
  const p = { ...BASE, matchRate: 3, provisioningRate: 3 };
  const gain = criticalGain(p, PRINTED, 1.1);
  assert.ok(gain !== undefined && gain < 3);
  const at = hopf({ ...p, provisioningRate: gain }, PRINTED)?.criticalDelay ?? 0;
  assert.ok(Math.abs(at / 1.1 - 1) < 1e-9);
  assert.equal(criticalGain(BASE, PRINTED, 0), undefined);
});

test("margins are below one and negative beyond the Hopf point", () => {
  const p = { ...BASE, matchRate: 3, provisioningRate: 3 };
  assert.ok(margin(p, PRINTED, 1.1).delayRatio < 1 && margin(p, PRINTED, 1.1).delayHours < 0);
  assert.ok(margin(p, PRINTED, 0.1).delayRatio > 1 && margin(p, PRINTED, 0.1).delayHours > 0);
  assert.equal(margin(p, PRINTED, 0).delayRatio, Number.POSITIVE_INFINITY);
});

test("a spin-up delay that is no time is refused", () => {
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => margin(BASE, PRINTED, bad), UpdraftError);
    assert.throws(() => criticalGain(BASE, PRINTED, bad), UpdraftError);
    assert.throws(() => pm2Stable(BASE, PRINTED, bad), UpdraftError);
  }
});
