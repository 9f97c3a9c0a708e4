import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addFlows,
  FLOWS,
  flowsBetween,
  NO_FLOWS,
  parseBins,
  parseSighting,
  sighting,
  type Bin,
  type Sighting,
} from "../../core/flows.ts";
import { supply, type AnnexSlot } from "../../core/supply.ts";
import { instance } from "../support/cloud.ts";

const NOW = 1_900_000_440;
const MINUTE = 1 / 60;

const slot = (instanceId: string, changes: Partial<AnnexSlot> = {}): AnnexSlot => ({
  name: `slot1@${instanceId}`,
  instanceId,
  state: "Unclaimed",
  activity: "Idle",
  free: { cpus: 2, memory: 100, disk: 100, gpus: 0 },
  size: undefined,
  accepting: true,
  endsAt: undefined,
  ...changes,
});

const busy = (instanceId: string, job: string, changes: Partial<AnnexSlot> = {}): AnnexSlot =>
  slot(instanceId, { name: `slot1_${job}@${instanceId}`, state: "Claimed", job, ...changes });

/** What a look a minute later sees of an empty pool, with these changes. */
const between = (before: Partial<Sighting>, after: Partial<Sighting>, more = {}) =>
  flowsBetween(
    { at: NOW - 60, queued: 0, working: {}, ...before },
    { at: NOW, queued: 0, working: {}, ...after },
    { arrived: 0, ordered: 0, slots: [], ...more },
  ) ?? NO_FLOWS;

test("a look keeps the jobs and the free CPUs of the instances that are in the pool", () => {
  const instances = ["i-1", "i-2", "i-3"].map((id) => instance({ id, launched: NOW - 60 }));
  const slots = [slot("i-1"), busy("i-1", "1.0"), busy("i-2", "1.1"), busy("i-2", "1.2")];
  assert.deepEqual(sighting(NOW, 7, supply(instances, slots, {}, NOW, 600), slots), {
    at: NOW,
    queued: 7,
    working: { "i-1": { jobs: ["1.0"], idle: 2 }, "i-2": { jobs: ["1.1", "1.2"], idle: 0 } },
  });
});

test("jobs that came and instances that were ordered are counted over the time and the jobs that waited", () => {
  const { submissionRate, provisioningRate } = between(
    { queued: 4 },
    { queued: 8 },
    { arrived: 5, ordered: 2 },
  );
  assert.deepEqual(submissionRate, { events: 5, exposure: MINUTE });
  assert.deepEqual(
    [provisioningRate.events, provisioningRate.exposure.toFixed(9)],
    [2, (6 * MINUTE).toFixed(9)],
  );
});

test("a job that has left its instance is completed, unless the instance has left with it", () => {
  const working = { "i-1": { jobs: ["a", "b"], idle: 0 }, "i-2": { jobs: ["c"], idle: 1 } };
  const { completionRate, runningTerminationRate } = between(
    { working },
    { working: { "i-1": { jobs: ["a", "d"], idle: 0 } } },
  );
  assert.equal(completionRate.events, 1);
  assert.ok(Math.abs(completionRate.exposure - 2 * MINUTE) < 1e-12, "a whole minute and two halves");
  assert.deepEqual(runningTerminationRate, { events: 1, exposure: 1.5 * MINUTE });
});

test("an idle instance that has left ended in the middle of the time", () => {
  const idle = { jobs: [], idle: 2 };
  const { idleTerminationRate } = between(
    { working: { "i-1": idle, "i-2": idle } },
    { working: { "i-1": idle } },
  );
  assert.deepEqual(idleTerminationRate, { events: 1, exposure: 1.5 * MINUTE });
});

test("a slot that one job left and the next one took was not matched anew; what became busy in addition was", () => {
  const before = { queued: 3, working: { "i-1": { jobs: ["a"], idle: 1 } } };
  const { matchRate } = between(before, { queued: 2, working: { "i-1": { jobs: ["b", "c"], idle: 0 } } });
  assert.deepEqual(matchRate, { events: 1, exposure: 0.5 * MINUTE });
});

test("an instance that joined since tells itself how long it waited for its jobs", () => {
  const slots = [busy("i-1", "a", { startedAt: NOW - 40, jobStarted: NOW - 22 }), slot("i-1")];
  const after = { queued: 9, working: { "i-1": { jobs: ["a"], idle: 2 } } };
  const { matchRate } = between({ queued: 9 }, after, { slots });
  assert.deepEqual(matchRate, { events: 1, exposure: 18 / 3600 });
  const unknown = between({ queued: 9 }, after, { slots: [busy("i-1", "a")] });
  assert.deepEqual(unknown.matchRate, { events: 1, exposure: 0 });
});

test("a time that nobody watched tells nothing: before the first look, after a long pause, and when a clock went back", () => {
  const here: Sighting = { at: NOW, queued: 1, working: {} };
  const none = { arrived: 1, ordered: 1, slots: [] };
  assert.equal(flowsBetween(undefined, here, none), undefined);
  assert.equal(flowsBetween({ ...here, at: NOW - 601 }, here, none), undefined);
  assert.equal(flowsBetween({ ...here, at: NOW + 5 }, here, none), undefined);
  assert.equal(flowsBetween(here, here, none), undefined);
});

const some = { ...NO_FLOWS, submissionRate: { events: 2, exposure: MINUTE } };

test("ten minutes are one stretch of time, and what is older than a day is forgotten", () => {
  let bins: Bin[] = [];
  for (let minute = 0; minute < 20; minute++) bins = addFlows(bins, NOW + 60 * minute, some);
  assert.deepEqual(
    bins.map(({ flows }) => flows.submissionRate.events),
    [12, 20, 8],
  );
  for (let bin = 0; bin < 200; bin++) bins = addFlows(bins, NOW + 600 * bin, some);
  assert.equal(bins.length, 144);
});

test("stretches of a time to come are those of a clock that was wrong, and are dropped", () => {
  const ahead = addFlows([], NOW + 86_400, some);
  assert.deepEqual(addFlows(ahead, NOW, some).length, 1);
  assert.ok((addFlows(ahead, NOW, some)[0]?.from ?? 0) <= NOW);
});

test("looks and stretches come back from a file as they were, and of what is spoilt nothing", () => {
  const look: Sighting = { at: NOW, queued: 3, working: { "i-1": { jobs: ["1.0"], idle: 2 } } };
  assert.deepEqual(parseSighting(JSON.parse(JSON.stringify(look))), look);
  const bins = addFlows([], NOW, some);
  assert.deepEqual(parseBins(JSON.parse(JSON.stringify(bins))), bins);
  for (const spoilt of [undefined, 5, {}, { at: NOW }, { at: NOW, queued: -1 }, { at: "x", queued: 1 }])
    assert.equal(parseSighting(spoilt), undefined);
  assert.deepEqual(parseSighting({ at: 1, queued: 0, working: { "i-1": 5 } })?.working, {
    "i-1": { jobs: [], idle: 0 },
  });
  const negative = { from: NOW, flows: { ...some, matchRate: { events: -1, exposure: 1 } } };
  assert.deepEqual(parseBins([5, { from: NOW }, negative, { flows: some }]), []);
  assert.equal(FLOWS.length, 6);
});
