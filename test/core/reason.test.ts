import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, mainExclusion, type Explained } from "../../core/reason.ts";

const NOTHING = {
  order: 0,
  release: [],
  withdraw: [],
  why: "",
  needed: 0,
  inFlight: 0,
  tooLarge: 0,
  cut: 0,
  unaffordable: 0,
};

const told = (
  changes: Partial<Explained> = {},
  decision: Partial<Explained["decision"]> = {},
  more: { veto?: [string, string]; trouble?: [string, string] } = {},
) => {
  const held = (pair: [string, string] | undefined) => pair && { limitedBy: pair[0], reason: pair[1] };
  return explain({
    jobs: 0,
    excluded: {},
    maxInstances: 5,
    decision: { ...NOTHING, ...decision },
    ...changes,
    veto: held(more.veto),
    trouble: held(more.trouble),
  });
};

test("a quiet pool limits nothing", () => {
  assert.deepEqual(told(), {
    LimitedBy: "None",
    Reason: "no idle job is for this annex",
    LastError: undefined,
  });
});

test("an order says what it is for", () => {
  assert.deepEqual(told({ jobs: 48, excluded: { FreeSlots: 24 } }, { order: 11, needed: 12, inFlight: 1 }), {
    LimitedBy: "None",
    Reason:
      "48 idle jobs; 24 for which free slots of the pool suffice; 12 more instances needed, 1 on the way; order 11",
    LastError: undefined,
  });
});

test("what holds most jobs back is the word when nothing is ordered", () => {
  const { LimitedBy, Reason } = told({ jobs: 4, excluded: { ConcurrencyLimit: 3, MinWait: 1 } });
  assert.equal(LimitedBy, "ConcurrencyLimit");
  assert.match(Reason, /4 idle jobs; 3 held back by a concurrency limit; 1 not passed over/);
  assert.equal(mainExclusion({ MinWait: 2, Quota: 2 }), "Quota");
  assert.equal(mainExclusion({}), undefined);
});

test("the first instance of an image that nobody has seen comes alone, and why is told", () => {
  const { LimitedBy, Reason } = told({ jobs: 24, unproven: 11 }, { order: 1, needed: 12 });
  assert.equal(LimitedBy, "Probe");
  assert.match(Reason, /; one instance first, as no slot of the annex's image has been seen yet; order 1$/);
});

test("a cap that cuts is the word, and is named", () => {
  const { LimitedBy, Reason } = told({ jobs: 24 }, { order: 5, needed: 12, cut: 7 });
  assert.equal(LimitedBy, "MaxInstances");
  assert.match(Reason, /MAX_INSTANCES 5 cuts 7; order 5$/);
});

test("what may not be done is told as what would be done", () => {
  const acts = { order: 2, release: ["i-1"], withdraw: ["i-2"], needed: 1 };
  const { LimitedBy, Reason } = told({ jobs: 1 }, acts, { veto: ["Enforcer", "the enforcer is dead"] });
  assert.equal(LimitedBy, "Enforcer");
  assert.equal(
    Reason,
    "1 idle job; 1 more instance needed, 0 on the way; would order 2; would release 1 idle; would keep 1 released before; the enforcer is dead",
  );
});

test("advice limits only what it keeps from being done", () => {
  assert.equal(told({}, {}, { veto: ["Advise", "a"] }).LimitedBy, "None");
  assert.equal(told({}, { release: ["i-1"] }, { veto: ["Advise", "a"] }).LimitedBy, "Advise");
  assert.equal(told({}, {}, { veto: ["Stop", "s"] }).LimitedBy, "Stop");
});

test("trouble in the act is the word and the error", () => {
  const { LimitedBy, Reason, LastError } = told(
    { jobs: 9 },
    { order: 2 },
    { trouble: ["Capacity", "none left"] },
  );
  assert.deepEqual([LimitedBy, LastError], ["Capacity", "none left"]);
  assert.match(Reason, /none left$/);
});

test("the liability's limit is the reason before the number of instances, and says how many it cuts", () => {
  const { LimitedBy, Reason } = told(
    { jobs: 24, maxLiability: 2.5 },
    { order: 3, needed: 12, cut: 4, unaffordable: 5 },
  );
  assert.equal(LimitedBy, "Liability");
  assert.match(Reason, /MAX_INSTANCES 5 cuts 4; MAX_LIABILITY 2\.5 USD cuts 5; order 3/);
});
