import assert from "node:assert/strict";
import { test } from "node:test";
import type { Estimate } from "../../../core/model/estimate.ts";
import { hopf } from "../../../core/model/hopf.ts";
import { PRINTED, SYMBOLS, type ModelParameters } from "../../../core/model/parameters.ts";
import { stabilityVerdict, type RateEstimates } from "../../../core/model/verdict.ts";
import { BASE } from "./random-parameters.ts";

const around = (value: number, spread: number): Estimate => ({
  value,
  low: value / spread,
  high: value * spread,
  source: "measured",
  events: 50,
  exposure: 1,
});

const rates = (parameters: ModelParameters, spread: number): RateEstimates =>
  Object.fromEntries(
    (Object.keys(SYMBOLS) as (keyof ModelParameters)[]).map((name) => [
      name,
      around(parameters[name], spread),
    ]),
  ) as RateEstimates;

const POOL = { ...BASE, matchRate: 3, provisioningRate: 3 };
const CRITICAL = hopf(POOL, PRINTED)?.criticalDelay ?? Number.NaN;

test("a verdict falls when the whole box of intervals agrees", () => {
  assert.deepEqual(stabilityVerdict(rates(POOL, 1.02), around(0.5 * CRITICAL, 1.02), PRINTED), {
    stability: "stable",
  });
  assert.deepEqual(stabilityVerdict(rates(POOL, 1.02), around(2 * CRITICAL, 1.02), PRINTED), {
    stability: "unstable",
  });
});

test("intervals that hold both sides of the Hopf point leave it undetermined", () => {
  const wide = stabilityVerdict(rates(POOL, 1.02), around(CRITICAL, 1.2), PRINTED);
  assert.equal(wide.stability, "undetermined");
  assert.match(wide.reason ?? "", /stable and unstable/);
  assert.equal(
    stabilityVerdict(rates(POOL, 3), around(0.9 * CRITICAL, 1.01), PRINTED).stability,
    "undetermined",
  );
});

test("one corner of the box is enough to leave it undetermined", () => {
  const known = rates(POOL, 1.1);
  const names = Object.keys(SYMBOLS) as (keyof ModelParameters)[];
  const worst = Math.min(
    ...Array.from({ length: 64 }, (_, corner) => {
      const pool = { ...POOL };
      names.forEach((name, i) => (pool[name] *= (corner >> i) % 2 === 0 ? 1.1 : 1 / 1.1));
      return hopf(pool, PRINTED)?.criticalDelay ?? Number.NaN;
    }),
  );
  const verdict = (longest: number) =>
    stabilityVerdict(known, around(longest / 1.01, 1.01), PRINTED).stability;
  assert.equal(verdict(0.999 * worst), "stable");
  assert.equal(verdict(1.001 * worst), "undetermined");
});

test("a rate that is not known, or only believed, leaves it undetermined, by name", () => {
  const known = rates(POOL, 1.01);
  assert.deepEqual(stabilityVerdict({ ...known, matchRate: undefined }, around(0.1, 1.1), PRINTED), {
    stability: "undetermined",
    reason: "matchRate cannot be measured here",
  });
  const believed = { ...around(0.1, 1.1), source: "prior" as const };
  assert.deepEqual(stabilityVerdict(known, believed, PRINTED), {
    stability: "undetermined",
    reason: "spinUpDelay has not been measured",
  });
});
