import assert from "node:assert/strict";
import { test } from "node:test";
import {
  afterFreeSlots,
  demand,
  groupJobs,
  type DemandFacts,
  type FreeSlot,
  type IdleJobs,
} from "../../core/demand.ts";
import { total } from "../../core/packing.ts";

const NOW = 10_000;
const USER = "alice@pool.test";

const job = (changes: Partial<IdleJobs> = {}): IdleJobs => ({
  count: 1,
  id: "1.0",
  universe: 5,
  idleSince: NOW - 300,
  autocluster: 1,
  matchedAt: undefined,
  deferredUntil: undefined,
  coolDownUntil: undefined,
  hasConcurrencyLimits: false,
  user: USER,
  group: undefined,
  request: { cpus: 1, memory: 100, disk: 100, gpus: 0 },
  ad: "[ a = 1 ]",
  ...changes,
});

const FACTS: DemandFacts = {
  now: NOW,
  minWaitSeconds: 120,
  rejections: [],
  quotas: [],
  startable: Number.POSITIVE_INFINITY,
};

const look = (jobs: readonly IdleJobs[], facts: Partial<DemandFacts> = {}) => {
  const { waiting, excluded } = demand(jobs, { ...FACTS, ...facts });
  return { waiting: waiting.length, excluded };
};

const young = { idleSince: NOW - 10 };
const rejected = (at: number, reason = "no match found") => ({
  rejections: [{ autocluster: 1, user: USER, at, reason }],
});

test("a job that has waited long enough is demand, and a young one is not", () => {
  assert.deepEqual(look([job(), job(young)]), { waiting: 1, excluded: { MinWait: 1 } });
  assert.deepEqual(look([job(young)], { minWaitSeconds: 0 }), { waiting: 1, excluded: {} });
});

test("a young job is demand once negotiation has passed its autocluster over since it became idle", () => {
  assert.equal(look([job(young)], rejected(NOW - 5)).waiting, 1);
  assert.equal(look([job(young)], rejected(NOW - 10)).waiting, 1);
  assert.equal(look([job(young)], rejected(NOW - 11)).waiting, 0, "that was before it came");
  assert.equal(look([job({ ...young, autocluster: 2 })], rejected(NOW - 5)).waiting, 0);
  assert.equal(look([job({ ...young, autocluster: undefined })], rejected(NOW - 5)).waiting, 0);
});

test("a rejection of a time to come, which no negotiator wrote, holds nothing back", () => {
  const reason = "concurrency limit lic reached";
  assert.equal(look([job()], rejected(NOW + 60, reason)).waiting, 0, "clocks differ a little");
  assert.equal(look([job()], rejected(NOW + 1e9, reason)).waiting, 1);
});

test("a rejection of ten minutes ago says nothing of now", () => {
  const reason = "concurrency limit lic reached";
  const old = job({ idleSince: NOW - 3600, hasConcurrencyLimits: true });
  assert.deepEqual(look([old], rejected(NOW - 599, "no match found")).waiting, 1);
  assert.deepEqual(look([old], rejected(NOW - 600, "no match found")).waiting, 0);
  assert.deepEqual(look([job()], rejected(NOW - 600, reason)), { waiting: 1, excluded: {} });
});

test("of several rejections the newest tells what the jobs wait for", () => {
  const rejections = [
    { autocluster: 1, user: USER, at: NOW - 60, reason: "no match found" },
    { autocluster: 1, user: USER, at: NOW - 5, reason: "concurrency limit lic reached" },
    { autocluster: 1, user: USER, at: NOW - 90, reason: "no match found" },
  ];
  assert.deepEqual(look([job()], { rejections }), { waiting: 0, excluded: { ConcurrencyLimit: 1 } });
});

test("a machine more helps nobody who waits for a limit, a share, a time or another universe", () => {
  const cases: [Partial<IdleJobs>, Partial<DemandFacts>, string][] = [
    [{ universe: 7 }, {}, "Universe"],
    [{ deferredUntil: NOW + 60 }, {}, "Deferred"],
    [{ coolDownUntil: NOW + 60 }, {}, "CoolDown"],
    [{ matchedAt: NOW - 5 }, {}, "Starting"],
    [{}, rejected(NOW - 5, "concurrency limit lic reached"), "ConcurrencyLimit"],
    [{}, rejected(NOW - 5, "submitter limit exceeded"), "Quota"],
    [{}, { startable: 0 }, "MaxJobsRunning"],
  ];
  for (const [changes, facts, why] of cases) {
    assert.deepEqual(look([job(changes)], facts), { waiting: 0, excluded: { [why]: 1 } });
  }
});

test("what held a job back holds it no longer when its time is over", () => {
  assert.equal(look([job({ deferredUntil: NOW })]).waiting, 1);
  assert.equal(look([job({ coolDownUntil: NOW })]).waiting, 1);
  assert.equal(look([job({ matchedAt: NOW - 121 })]).waiting, 1, "matched, but it never started");
  assert.equal(look([job({ idleSince: NOW - 200, matchedAt: NOW - 201 })]).waiting, 1, "an earlier start");
});

test("a job with concurrency limits is demand only when negotiation gave another reason", () => {
  const limited = job({ hasConcurrencyLimits: true });
  assert.deepEqual(look([limited]), { waiting: 0, excluded: { ConcurrencyLimit: 1 } });
  assert.equal(look([limited], rejected(NOW - 5)).waiting, 1);
  assert.equal(look([limited], rejected(NOW - 301, "no match found")).waiting, 0);
});

test("a group's jobs are demand as far as its quota and those above it reach", () => {
  const jobs = [1, 2, 3, 4].map((proc) => job({ id: `1.${proc}`, group: "Phys.higgs" }));
  const quotas = [{ group: "phys", quota: 5, used: 3 }];
  assert.deepEqual(look(jobs, { quotas }), { waiting: 2, excluded: { Quota: 2 } });
  const both = [...quotas, { group: "phys.higgs", quota: 1, used: 0 }];
  assert.deepEqual(look(jobs, { quotas: both }), { waiting: 1, excluded: { Quota: 3 } });
  assert.equal(look([job({ group: "other" })], { quotas: both }).waiting, 1);
  const large = job({ group: "phys", request: { cpus: 3, memory: 1, disk: 1, gpus: 0 } });
  assert.equal(look([large], { quotas }).waiting, 0);
  assert.equal(look([job({ group: "phys" })], { quotas: [{ group: "phys", quota: 1, used: 9 }] }).waiting, 0);
});

test("no more jobs are demand than the schedd would start, the oldest first", () => {
  const jobs = [job({ id: "2.0", idleSince: NOW - 200 }), job({ id: "1.0", idleSince: NOW - 900 })];
  const { waiting, excluded } = demand(jobs, { ...FACTS, startable: 1 });
  assert.deepEqual(
    waiting.map(({ id, idleSince }) => [id, NOW - idleSince]),
    [["1.0", 900]],
  );
  assert.deepEqual(excluded, { MaxJobsRunning: 1 });
});

test("of alike jobs as many are demand as a quota and the schedd admit", () => {
  const alike = [job({ count: 7, group: "phys", request: { cpus: 2, memory: 1, disk: 1, gpus: 0 } })];
  const quotas = [{ group: "phys", quota: 11, used: 0 }];
  const { waiting, excluded } = demand(alike, { ...FACTS, quotas, startable: 3 });
  assert.deepEqual([waiting.map(({ count }) => count), excluded], [[3], { Quota: 2, MaxJobsRunning: 2 }]);
});

test("what negotiation said to one user says nothing of another's jobs", () => {
  const bob = job({ user: "bob@pool.test" });
  const said = rejected(NOW - 5, "submitter limit exceeded");
  assert.deepEqual(look([job(), bob], said), { waiting: 1, excluded: { Quota: 1 } });
});

test("jobs that matching reads alike are one group, which knows its oldest", () => {
  const other = { ad: "[ a = 2 ]", autocluster: 2, user: "bob@pool.test" };
  const groups = groupJobs([
    job({ id: "1.1", count: 4 }),
    job({ id: "1.0", idleSince: NOW - 900, autocluster: 7 }),
    job({ id: "2.0", ...other }),
  ]);
  assert.deepEqual(
    groups.map(({ example, autocluster, count, user, oldest }) => [
      example,
      autocluster,
      count,
      user,
      NOW - oldest,
    ]),
    [
      ["1.0", 7, 5, USER, 900],
      ["2.0", 2, 1, "bob@pool.test", 300],
    ],
  );
});

const slots = (count: number, cpus = 1): FreeSlot[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `slot${i + 1}`,
    free: { cpus, memory: 1000, disk: 1e6, gpus: 0 },
  }));

const groups = (count: number) => groupJobs(Array.from({ length: count }, (_, i) => job({ id: `1.${i}` })));

test("free slots that match take their jobs first: 24 jobs on 24 of them leave nothing, 24 more are left", () => {
  assert.equal(total(afterFreeSlots(groups(24), slots(24), () => ({ count: 24 }))), 0);
  assert.equal(total(afterFreeSlots(groups(48), slots(24), () => ({ count: 24 }))), 24);
  assert.equal(
    total(afterFreeSlots(groups(24), slots(6, 4), () => ({ count: 6 }))),
    0,
    "a large slot takes several",
  );
});

test("slots that HTCondor would not match take none, however large", () => {
  assert.equal(total(afterFreeSlots(groups(24), slots(24), () => ({ count: 0 }))), 24);
  assert.equal(total(afterFreeSlots(groups(24), slots(24), () => ({ count: 10 }))), 14);
  assert.equal(total(afterFreeSlots(groups(24), [], () => ({ count: 24 }))), 24);
});

test("a slot that refuses a group's jobs takes none of them, however large it is beside one that does not", () => {
  const refuses = { name: "drained", free: { cpus: 64, memory: 256_000, disk: 1e9, gpus: 0 } };
  const pool = [refuses, ...slots(1)];
  const among = new Set(["slot1"]);
  assert.equal(total(afterFreeSlots(groups(6), pool, () => ({ count: 1, among }))), 5);
  const [own, others] = [groups(6), groupJobs([job({ id: "9.0", ad: "[ a = 9 ]", count: 20 })])];
  const left = afterFreeSlots([...own, ...others], pool, (group) =>
    group === own[0] ? { count: 1, among } : { count: 1, among: new Set(["drained"]) },
  );
  assert.deepEqual(
    left.map(({ count }) => count),
    [5, 0],
  );
});

test("a group that HTCondor was not asked about orders nothing that free slots might hold", () => {
  assert.equal(total(afterFreeSlots(groups(24), slots(24), () => undefined)), 0);
});

test("two groups do not count the same slot twice", () => {
  const two = [...groups(20), ...groupJobs([job({ id: "9.0", ad: "[ a = 9 ]", count: 20 })])];
  assert.equal(total(afterFreeSlots(two, slots(24), () => ({ count: 24 }))), 16);
});
