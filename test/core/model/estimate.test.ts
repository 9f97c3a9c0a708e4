import assert from "node:assert/strict";
import { test } from "node:test";
import {
  currentPeriods,
  estimateRate,
  periodsBetween,
  type Estimate,
  type Period,
  type Prior,
} from "../../../core/model/estimate.ts";
import { coverage } from "./coverage.ts";
import { BASE } from "./random-parameters.ts";

const PRIOR: Prior = { value: 1, low: 0.1, high: 10 };
const evenly = (counts: readonly number[], exposure = 1): Period[] =>
  counts.map((events) => ({ events, exposure }));

function estimated(periods: readonly Period[]): Estimate {
  const estimate = estimateRate(periods, PRIOR);
  assert.ok(estimate);
  return estimate;
}

test("independent events give Jeffreys' interval around their mean", () => {
  const estimate = estimated(evenly([1, 2, 1, 1, 2, 1, 1, 2, 1, 2]));
  assert.equal(estimate.value, 1.4);
  assert.equal(estimate.source, "measured");
  // Gamma(14.5)/10, from SciPy.
  assert.ok(Math.abs(estimate.low - 0.885418) < 1e-5, `${estimate.low}`);
  assert.ok(Math.abs(estimate.high - 2.127848) < 1e-5, `${estimate.high}`);
});

test("batches widen the interval, also when each is spread over neighbouring periods", () => {
  const even = estimated(evenly(Array.from({ length: 64 }, () => 1)));
  const batches = estimated(evenly(Array.from({ length: 64 }, (_, i) => (i % 16 === 0 ? 16 : 0))));
  const spread = estimated(evenly(Array.from({ length: 64 }, (_, i) => (i % 16 < 4 ? 4 : 0))));
  assert.equal(batches.value, even.value);
  for (const wide of [batches, spread]) assert.ok(wide.high - wide.low > 2 * (even.high - even.low));
});

test("few events lean on the prior, none is the prior, and both say so", () => {
  const few = estimated(evenly([0, 1, 0, 0, 1, 0, 0, 0, 0, 0], 0.1));
  assert.equal(few.source, "shrunk");
  assert.ok(few.value > 1 && few.value < 2 && few.low < few.value && few.value < few.high);
  const none = estimated(evenly([0, 0, 0, 0], 100));
  assert.equal(none.source, "prior");
  assert.equal(none.value, 1);
  // No event in 400 hours: the interval reaches down to what that allows.
  assert.ok(none.low < 0.01 && none.high === 10);
  assert.deepEqual(estimateRate([], PRIOR), { ...PRIOR, source: "prior", events: 0, exposure: 0 });
});

test("many events in a few periods cannot show whether they are batches: not yet measured", () => {
  assert.equal(estimated(evenly([40])).source, "shrunk");
  assert.equal(estimated(evenly([40, 38, 41])).source, "shrunk");
});

test("one batch of many is one event, not many", () => {
  const one = estimated(evenly([0, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0]));
  assert.equal(one.source, "shrunk");
  assert.ok(one.high > 3 * (30 / 12));
});

test("events where nothing was seen exposed leave the rate unknown", () => {
  assert.equal(estimateRate([{ events: 3, exposure: 0 }], PRIOR), undefined);
  const half = [...evenly([5, 5]), { events: 9, exposure: 0 }];
  assert.equal(estimateRate(half, PRIOR), undefined);
  assert.ok(estimateRate([...evenly([50, 50]), { events: 2, exposure: 0 }], PRIOR));
});

test("counters that were restarted and hours that were not watched are left out, whole", () => {
  const reading = (hours: number, counter: number, exposed = 2) => ({ hours, counter, exposed });
  const readings = [
    reading(0, 10),
    reading(1, 14, 4),
    reading(2, 3),
    reading(3, 5),
    reading(9, 50),
    reading(9, 51),
  ];
  assert.deepEqual(periodsBetween(readings, 2), [
    { events: 4, exposure: 3 },
    { events: 2, exposure: 2 },
  ]);
});

test("only the last periods count when the rate has drifted out of its old interval", () => {
  const calm = evenly(Array.from({ length: 40 }, () => 1));
  const busy = evenly(Array.from({ length: 10 }, () => 9));
  assert.deepEqual(currentPeriods([...calm, ...busy], 10, PRIOR), busy);
  assert.equal(currentPeriods(calm, 10, PRIOR), calm);
  const unknown = [{ events: 3, exposure: 0 }];
  assert.equal(currentPeriods(unknown, 1, PRIOR), unknown);
});

test("periods and priors that are no numbers are refused", () => {
  for (const bad of [
    { events: -1, exposure: 1 },
    { events: 1, exposure: -1 },
    { events: Number.NaN, exposure: 1 },
    { events: 1, exposure: Number.POSITIVE_INFINITY },
  ])
    assert.throws(() => estimateRate([bad], PRIOR), { kind: "usage", message: /^period 1 has/ });
  for (const bad of [
    { ...PRIOR, low: 0 },
    { ...PRIOR, high: 0.5 },
    { ...PRIOR, value: Number.NaN },
  ])
    assert.throws(() => estimateRate([], bad), { kind: "usage" });
});

for (const batch of [1, 10])
  test(`90 % intervals hold the truth in 85 of 100 simulated pools at least, batches of ${batch}`, () => {
    const pool = {
      parameters: { ...BASE, submissionRate: 40, provisioningRate: 0.5, idleTerminationRate: 1 },
      batch,
      medianSpinUp: 0.08,
      spread: 0.3,
      hours: 8,
      pollHours: 1 / 60,
      startTimes: true,
    };
    for (const [name, found] of Object.entries(coverage(pool, 100, 1))) {
      assert.ok(found && found.estimates >= 70, name);
      assert.ok(found.share >= 0.85, `${name}: ${found.share}`);
    }
  });
