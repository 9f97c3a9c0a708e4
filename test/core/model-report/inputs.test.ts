import assert from "node:assert/strict";
import { test } from "node:test";
import { attributesOf, readInputs, type LivePool } from "../../../core/model-report/inputs.ts";
import { UpdraftError } from "../../../core/errors.ts";
import { GIVEN, options } from "./options.ts";

const LIVE: LivePool = { annex: "burst", attributes: {}, leaseSeconds: 28_800, idleSeconds: 1200 };

/** What the hook would publish of estimates. */
const PUBLISHED = Object.fromEntries(
  Object.entries({
    SubmissionRate: 100,
    MatchRate: 60,
    ProvisioningRate: 2,
    CompletionRate: 2,
    SpinUpDelay: 0.1,
  }).flatMap(([name, value]) => [
    [`Annex_burst_${name}`, value],
    [`Annex_burst_${name}Low`, value * 0.9],
    [`Annex_burst_${name}High`, value * 1.1],
    [`Annex_burst_${name}Source`, "measured"],
  ]),
);

test("options give rates per hour or as 1/TIME, and durations as times", () => {
  const found = readInputs(options({ "completion-rate": "1/30m", "submission-rate": "1.5e2" }));
  assert.equal(found.parameters.completionRate, 2);
  assert.equal(found.parameters.submissionRate, 150);
  assert.equal(found.spinUpDelay, 5 / 60);
  assert.equal(found.lease, undefined);
  assert.deepEqual(found.variant, { matching: "min", evicted: "requeued", idleEnd: "timer" });
  assert.equal(found.given.completionRate?.from, "--completion-rate");
  const printed = readInputs(options({ matching: "mass-action", evicted: "lost", "idle-end": "rate" }));
  assert.deepEqual(printed.variant, { matching: "mass-action", evicted: "lost", idleEnd: "rate" });
});

test("the lease gives the rate at which busy machines end, unless that is given", () => {
  const found = readInputs(options({ lease: "8h", "running-termination-rate": undefined }));
  assert.equal(found.parameters.runningTerminationRate, 0.125);
  assert.equal(found.given.runningTerminationRate?.from, "1/lease, --lease");
  assert.equal(readInputs(options({ lease: "8h" })).parameters.runningTerminationRate, 0.1);
});

test("a live pool's attributes and knobs stand for what no option gives", () => {
  assert.ok(attributesOf("burst").includes("Annex_burst_SubmissionRate"));
  assert.ok(attributesOf("burst").includes("Annex_burst_SpinUpDelaySource"));
  const found = readInputs((name) => (name === "match-rate" ? "7" : undefined), {
    ...LIVE,
    attributes: PUBLISHED,
  });
  assert.deepEqual(found.parameters, {
    submissionRate: 100,
    matchRate: 7,
    provisioningRate: 2,
    completionRate: 2,
    idleTerminationRate: 3,
    runningTerminationRate: 0.125,
  });
  assert.equal(found.lease, 8);
  assert.equal(found.spinUpDelay, 0.1);
  assert.equal(found.given.submissionRate?.from, "Annex_burst_SubmissionRate (measured)");
  assert.deepEqual(found.given.submissionRate?.estimate?.high, 110.00000000000001);
  assert.equal(found.given.matchRate?.estimate, undefined);
  assert.equal(found.given.idleTerminationRate?.from, "UPDRAFT_burst_IDLE");
});

test("what the ad lacks is named, with the options that give it", () => {
  const { Annex_burst_MatchRate: _, ...attributes } = PUBLISHED;
  assert.throws(() => readInputs(() => undefined, { ...LIVE, attributes }), {
    kind: "usage",
    message: "the schedd's ad does not have Annex_burst_MatchRate: the hook has not published it",
    remedy: "Give --match-rate RATE; see updraft model --help.",
  });
  assert.throws(
    () => readInputs(() => undefined, LIVE),
    (error: UpdraftError) => {
      for (const name of ["SubmissionRate", "MatchRate", "ProvisioningRate", "CompletionRate", "SpinUpDelay"])
        assert.ok(error.message.includes(`Annex_burst_${name}`), name);
      assert.match(error.message, /published them$/);
      assert.match(error.remedy, /--submission-rate RATE .* --spin-up-delay TIME/);
      return true;
    },
  );
  assert.throws(() => readInputs(() => undefined), { message: /^the model lacks submissionRate, matchRate/ });
});

test("an estimate without its interval, or of an unknown source, is a plain value", () => {
  const attributes = {
    ...PUBLISHED,
    Annex_burst_MatchRateSource: "guessed",
    Annex_burst_SubmissionRateLow: "?",
  };
  const { given } = readInputs(() => undefined, { ...LIVE, attributes });
  assert.deepEqual(given.matchRate, { value: 60, from: "Annex_burst_MatchRate" });
  assert.equal(given.submissionRate?.estimate, undefined);
});

test("every bad option is refused by its name, with what would be right", () => {
  const cases: [
    Partial<Record<keyof typeof GIVEN | "lease" | "matching" | "evicted" | "idle-end", string>>,
    RegExp,
  ][] = [
    [{ "match-rate": "NaN" }, /--match-rate "NaN" is no rate: a number per hour such as 12, or 1\/TIME/],
    [
      { "match-rate": "12/h", "spin-up-delay": "soon" },
      /"12\/h" is no rate.*; --spin-up-delay "soon" is no duration/,
    ],
    [{ "completion-rate": "1/x" }, /--completion-rate "1\/x" is no rate/],
    [{ "match-rate": "0" }, /matchRate \(σ_QIR\) is 0 per hour/],
    [
      { "match-rate": "-1", "submission-rate": "1e99" },
      /submissionRate \(Σ_Q\) is 1e\+99.*matchRate \(σ_QIR\) is -1/,
    ],
    [{ "completion-rate": "1/0s" }, /completionRate \(σ_RI\) is Infinity/],
    [{ "spin-up-delay": "0" }, /the spin-up delay is 0 hours, but no instance joins at once/],
    [{ "spin-up-delay": "-5m" }, /--spin-up-delay "-5m" is no duration/],
    [{ "spin-up-delay": "99999d99999d999999d" }, /the spin-up delay is/],
    [{ lease: "0h" }, /the lease is 0 hours/],
    [{ lease: "NaN" }, /--lease "NaN" is no duration/],
    [{ matching: "max" }, /--matching "max" is neither min nor mass-action/],
    [
      { evicted: "gone", "idle-end": "never" },
      /"gone" is neither requeued nor lost; --idle-end "never" is neither/,
    ],
  ];
  for (const [given, message] of cases)
    assert.throws(() => readInputs(options(given)), { kind: "usage", message }, String(message));
});
