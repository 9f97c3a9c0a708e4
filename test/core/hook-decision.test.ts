import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decideForAnnex,
  readPolicyMemory,
  type DecisionTerms,
  type PolicyMemory,
} from "../../core/hook-decision.ts";
import { NO_WAIT_VALUE_MEMORY } from "../../core/laws/wait-value-memory.ts";
import { smallest } from "../../core/machine.ts";
import type { Member } from "../../core/supply.ts";

const NOW = 100_000;
const MACHINE = { cpus: 2, memory: 7600, disk: Number.POSITIVE_INFINITY, gpus: 0 };
const jobs = (count: number, cpus = 1) => [
  { cpus, memory: 64, disk: 1024, gpus: 0, count, oldest: NOW - 300 },
];

const member = (id: string, changes: Partial<Member> = {}): Member => ({
  id,
  type: "m5.large",
  progress: "idle",
  free: [MACHINE],
  claimed: 0,
  size: MACHINE,
  released: false,
  ours: true,
  launched: NOW - 1000,
  leaseEnd: NOW + 28_800,
  jobs: [],
  ...changes,
});

const terms = (changes: Partial<DecisionTerms> = {}): DecisionTerms => ({
  now: NOW,
  waiting: [],
  members: [],
  unseen: 0,
  machine: MACHINE,
  leaseSeconds: 28_800,
  maxInstances: 60,
  minInstances: 0,
  waitValue: 1,
  spares: false,
  refuseSeconds: 600,
  idleSince: {},
  restedIds: new Set(["i-1", "i-2", "i-3"]),
  ...changes,
});

const decided = (changes: Partial<DecisionTerms> = {}) => decideForAnnex(terms(changes), undefined).decision;

test("24 jobs on machines of two CPUs order twelve", () => {
  const { order, needed, cut } = decided({ waiting: jobs(24) });
  assert.deepEqual({ order, needed, cut }, { order: 12, needed: 12, cut: 0 });
});

test("idle nodes take their jobs first, and what is on its way is not ordered again", () => {
  const members = [member("i-1"), member("i-2", { progress: "in flight", free: [] })];
  const { order, needed, inFlight } = decided({ waiting: jobs(24), members, unseen: 3 });
  assert.deepEqual({ order, needed, inFlight }, { order: 7, needed: 11, inFlight: 4 });
});

test("late, lost and ending instances are not on their way, but count as alive", () => {
  const members = (["late", "lost", "ending"] as const).map((progress) =>
    member(progress, { progress, free: [] }),
  );
  assert.equal(decided({ waiting: jobs(4), members }).order, 2);
  assert.deepEqual(
    (({ order, cut }) => ({ order, cut }))(decided({ waiting: jobs(4), members, maxInstances: 4 })),
    { order: 1, cut: 1 },
  );
});

test("MAX_INSTANCES is never passed, whatever lives already", () => {
  assert.equal(decided({ waiting: jobs(24), maxInstances: 5 }).order, 5);
  assert.equal(decided({ waiting: jobs(24), maxInstances: 5, unseen: 5 }).order, 0);
  assert.equal(
    decided({ waiting: jobs(24), members: [member("i-1"), member("i-2")], maxInstances: 1 }).order,
    0,
  );
});

test("jobs larger than an instance order nothing, and are counted", () => {
  const { order, tooLarge } = decided({ waiting: jobs(3, 8) });
  assert.deepEqual({ order, tooLarge }, { order: 0, tooLarge: 3 });
});

test("idle nodes that no job needs are released, once they have rested", () => {
  const members = [member("i-1"), member("i-2"), member("i-9")];
  assert.deepEqual(decided({ members }).release, ["i-1", "i-2"]);
  assert.deepEqual(decided({ members: members.slice(0, 2), waiting: jobs(1) }).release.length, 1);
});

test("never released: what is busy, what someone else ordered, and anything while more is needed", () => {
  const members = [
    member("i-1", { progress: "busy", claimed: 1, free: [] }),
    member("i-2", { ours: false }),
    member("i-3", { progress: "lost", free: [] }),
  ];
  assert.deepEqual(decided({ members }).release, []);
  const useless = member("i-1", { free: [] });
  assert.deepEqual(decided({ members: [useless], waiting: jobs(9) }).release, []);
});

test("jobs fill busy nodes first, so that others can become empty", () => {
  const half = { ...MACHINE, cpus: 1 };
  const members = [member("i-1"), member("i-2", { progress: "busy", claimed: 1, free: [half] })];
  assert.deepEqual(decided({ members, waiting: jobs(1) }).release, ["i-1"]);
});

test("a released node that lives is taken back before another is ordered", () => {
  const members = [member("i-1", { released: true }), member("i-2", { released: true, progress: "ending" })];
  const { order, withdraw } = decided({ members, waiting: jobs(3) });
  assert.deepEqual({ order, withdraw }, { order: 1, withdraw: ["i-1"] });
  assert.deepEqual(decided({ members }).withdraw, []);
});

test("the smallest machine of several is what may be counted on", () => {
  assert.equal(smallest([]), undefined);
  assert.deepEqual(
    smallest([
      { cpus: 4, memory: 100, disk: 5, gpus: 1 },
      { cpus: 2, memory: 900, disk: 9, gpus: 0 },
    ]),
    { cpus: 2, memory: 100, disk: 5, gpus: 0 },
  );
});

const anyMember = fc.record({
  progress: fc.constantFrom("in flight", "late", "idle", "busy", "lost", "ending"),
  released: fc.boolean(),
  ours: fc.boolean(),
});

test("whatever it is told, it never passes MAX_INSTANCES, never orders and releases at once, and releases idle nodes only", () => {
  fc.assert(
    fc.property(
      fc.array(anyMember, { maxLength: 12 }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: 20 }),
      (kinds, count, unseen, maxInstances) => {
        const members = kinds.map((kind, i) =>
          member(`i-${i}`, {
            ...(kind as Partial<Member>),
            free: kind.progress === "idle" || kind.progress === "busy" ? [MACHINE] : [],
            claimed: kind.progress === "busy" ? 1 : 0,
          }),
        );
        const restedIds = new Set(members.map(({ id }) => id));
        const { order, release, needed, inFlight } = decided({
          waiting: count === 0 ? [] : jobs(count),
          members,
          unseen,
          maxInstances,
          restedIds,
        });
        assert.ok(order === 0 || order + members.length + unseen <= maxInstances);
        assert.ok(order === 0 || release.length === 0);
        assert.ok(order <= Math.max(0, needed - inFlight));
        for (const id of release) assert.equal(members.find((one) => one.id === id)?.progress, "idle");
      },
    ),
  );
});

test("no more are ordered than the liability's limit admits, and how many it cuts is told", () => {
  const cuts = (changes: Partial<DecisionTerms>) => {
    const { order, cut, unaffordable } = decided({ waiting: jobs(24), ...changes });
    return { order, cut, unaffordable };
  };
  assert.deepEqual(cuts({ affordable: 5 }), { order: 5, cut: 0, unaffordable: 7 });
  assert.deepEqual(cuts({ affordable: 5, maxInstances: 8 }), { order: 5, cut: 4, unaffordable: 3 });
  assert.deepEqual(cuts({ affordable: 0 }), { order: 0, cut: 0, unaffordable: 12 });
  assert.deepEqual(cuts({ affordable: undefined }), { order: 12, cut: 0, unaffordable: 0 });
});

/** A minute of the law's memory after another, with these looks. */
function afterLooks(looks: number, changes: Partial<DecisionTerms>): PolicyMemory | undefined {
  let memory: PolicyMemory | undefined;
  for (let i = looks; i > 0; i--)
    ({ memory } = decideForAnnex(terms({ now: NOW - 60 * i, ...changes }), memory));
  return memory;
}

test("more than the waiting jobs need is ordered only where spares are allowed and waiting is dear", () => {
  const busy = Array.from({ length: 20 }, (_, i) =>
    member(`i-${i}`, {
      progress: "busy",
      claimed: 2,
      free: [{ ...MACHINE, cpus: 0, memory: 0 }],
      jobs: [0, 1].map((slot) => ({
        started: NOW - 60 * (i + slot),
        request: { cpus: 1, memory: 3800, disk: 0, gpus: 0 },
        group: "user alice",
      })),
    }),
  );
  const ordered = (changes: Partial<DecisionTerms>): number => {
    const dear = { members: busy, waitValue: 30, ...changes };
    const before = afterLooks(60, { ...dear, waiting: jobs(2) });
    return decideForAnnex(terms({ ...dear, waiting: jobs(2) }), before).decision.order;
  };
  assert.equal(ordered({ spares: false }), 1);
  assert.ok(ordered({ spares: true }) > 1, String(ordered({ spares: true })));
});

test("what the law has learned is read back from a file, and anything else is none", () => {
  const memory = afterLooks(3, { waiting: jobs(4) });
  assert.deepEqual(readPolicyMemory(JSON.parse(JSON.stringify(memory))), memory);
  assert.deepEqual(readPolicyMemory({ ...memory, law: 5 })?.law, NO_WAIT_VALUE_MEMORY);
  for (const wrong of [undefined, null, 7, {}, { look: [] }])
    assert.equal(readPolicyMemory(wrong), undefined);
});

test("an idle node that takes no job is no reason to order less", () => {
  assert.equal(decided({ members: [member("i-1", { free: [] })], waiting: jobs(9) }).order, 5);
});

test("so many are kept at all times: ordered without any job, and not released", () => {
  const { order, release } = decided({ minInstances: 3, members: [member("i-1")] });
  assert.deepEqual([order, release], [2, []]);
  const three = ["i-1", "i-2", "i-3"].map((id) => member(id));
  assert.equal(decided({ minInstances: 3, members: three }).order, 0);
  assert.ok(decided({ minInstances: 2, members: three }).release.length <= 1);
  assert.equal(decided({ minInstances: 3, unseen: 3 }).order, 0);
  assert.equal(decided({ minInstances: 3, affordable: 1 }).order, 1, "the limits hold for them");
});
