import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import { checkHours, checkParameters } from "../../../core/model/parameters.ts";
import { BASE } from "./random-parameters.ts";

const refusal = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UpdraftError);
  assert.equal(error.kind, "usage");
  assert.match(error.message, pattern);
  assert.notEqual(error.remedy, "");
  return true;
};

for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-300, 1e300])
  test(`a rate of ${bad} per hour is refused by name and symbol`, () => {
    assert.throws(
      () => checkParameters({ ...BASE, completionRate: bad }),
      refusal(/completionRate \(σ_RI\) is/),
    );
  });

test("every bad rate is told at once", () => {
  assert.throws(
    () => checkParameters({ ...BASE, submissionRate: -2, matchRate: Number.NaN }),
    refusal(/submissionRate \(Σ_Q\) is -2, matchRate \(σ_QIR\) is NaN/),
  );
});

test("a trajectory may have rates of zero, but none below", () => {
  checkParameters({ ...BASE, runningTerminationRate: 0 }, { zeroAllowed: true });
  assert.throws(
    () => checkParameters({ ...BASE, runningTerminationRate: -0.1 }, { zeroAllowed: true }),
    refusal(/σ_RT/),
  );
});

test("hours are positive numbers below a century, zero where it has a meaning", () => {
  checkHours("the lease", 8);
  checkHours("the spin-up delay", 0, { zeroAllowed: true });
  for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e7])
    assert.throws(() => checkHours("the lease", bad), refusal(/^the lease is .* hours$/));
  assert.throws(() => checkHours("the spin-up delay", -1, { zeroAllowed: true }), refusal(/spin-up/));
});
