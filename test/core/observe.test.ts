import assert from "node:assert/strict";
import { test } from "node:test";
import { observe, readLook, type Look } from "../../core/observe.ts";
import type { Member } from "../../core/supply.ts";

const NOW = 100_000;
const MACHINE = { cpus: 2, memory: 7600, disk: 1e7, gpus: 0 };
const JOB = { cpus: 1, memory: 64, disk: 1024, gpus: 0 };

const member = (id: string, changes: Partial<Member> = {}): Member => ({
  id,
  type: "m5.large",
  progress: "busy",
  free: [{ ...MACHINE, cpus: 1 }],
  claimed: 1,
  size: MACHINE,
  released: false,
  ours: true,
  launched: NOW - 1000,
  leaseEnd: NOW + 28_800,
  jobs: [job(300)],
  ...changes,
});
const job = (age: number, group = "user alice") => ({ started: NOW - age, request: JOB, group });
const jobs = (count: number) => ({ ...JOB, count, oldest: NOW - 200 });

type Terms = Parameters<typeof observe>[0];
const observed = (changes: Partial<Terms> = {}) =>
  observe({
    now: NOW,
    waiting: [],
    members: [],
    unseen: 0,
    machine: MACHINE,
    leaseSeconds: 28_800,
    idleSince: {},
    before: undefined,
    ...changes,
  });

/** The look a minute ago at these members. */
const lookAt = (members: readonly Member[], waiting = 0): Look => ({
  at: NOW - 60,
  period: 60,
  waiting,
  running: Object.fromEntries(
    members.map(({ id, jobs }) => [id, jobs.map(({ started, group }) => [started, String(group)] as const)]),
  ),
});

test("a law is shown what is in flight, idle and busy, and neither what is late nor what is lost or ending", () => {
  const progress = ["in flight", "idle", "busy", "late", "lost", "ending"] as const;
  const members = progress.map((one) => member(one, { progress: one }));
  const { seen, instanceOf } = observed({ members, unseen: 1, idleSince: { idle: NOW - 50 } });
  assert.deepEqual(
    seen.machines.map(({ id }) => instanceOf(id)),
    ["in flight", "idle", "busy", undefined],
  );
  assert.deepEqual(
    seen.machines.map(({ joined }) => joined !== undefined),
    [false, true, true, false],
  );
  assert.deepEqual(
    seen.machines.map(({ idleSince }) => idleSince),
    [undefined, NOW - 50, undefined, undefined],
  );
  assert.equal(seen.machines[3]?.leaseEnd, NOW + 28_800);
});

test("free slots of one instance count together, and one of another size is an offer of its own that cannot be had", () => {
  const large = { ...MACHINE, cpus: 8 };
  const half = { ...MACHINE, cpus: 1 };
  const { seen, offers } = observed({
    members: [
      member("i-1", { size: large, free: [half, half] }),
      member("i-2"),
      member("i-3", { size: large }),
    ],
  });
  assert.deepEqual(
    seen.machines.map(({ offer }) => offer),
    [1, 0, 1],
  );
  assert.equal(seen.machines[0]?.free.cpus, 2);
  assert.deepEqual(
    offers.map(({ machine, room }) => [machine.cpus, room]),
    [
      [2, Number.POSITIVE_INFINITY],
      [8, 0],
    ],
  );
});

test("when none is to be ordered, what lives stands for a machine, or one CPU when nothing does", () => {
  const { offers } = observed({ members: [member("i-1")], machine: undefined });
  assert.deepEqual(
    offers.map(({ machine, room }) => [machine.cpus, room]),
    [[2, 0]],
  );
  assert.equal(observed({ machine: undefined }).offers[0]?.machine.cpus, 1);
});

test("jobs that are gone from an instance that lives on have completed, each once", () => {
  const twins = [job(300), job(300), job(900, "user bob")];
  const before = lookAt([member("i-1", { jobs: twins }), member("i-2"), member("i-3")]);
  const members = [member("i-1", { jobs: [job(300)] }), member("i-2", { jobs: [], progress: "idle" })];
  assert.deepEqual(observed({ members, before }).seen.completed, [
    { group: "user alice", seconds: 270 },
    { group: "user bob", seconds: 870 },
    { group: "user alice", seconds: 270 },
  ]);
});

test("what came is what waits and what has started, less what waited before", () => {
  const members = [member("i-1", { jobs: [job(10), job(20), job(300)] })];
  const came = (waiting: number, now: number) =>
    observed({
      members,
      before: lookAt(members, waiting),
      waiting: now === 0 ? [] : [jobs(now)],
    }).seen.arrived.reduce((sum, { count }) => sum + count, 0);
  assert.equal(came(0, 3), 5, "two have started, three wait");
  assert.equal(came(5, 3), 0);
  assert.equal(came(2, 0), 0);
  assert.equal(came(4, 8), 6);
});

test("without a look, or after a long pause or a clock set back, nothing is said to have come or completed", () => {
  const members = [member("i-1")];
  for (const at of [NOW - 601, NOW, NOW + 5]) {
    const { seen } = observed({ members: [], waiting: [jobs(9)], before: { ...lookAt(members), at } });
    assert.deepEqual([seen.arrived, seen.completed], [[], []]);
  }
});

test("an instance that had no slots at the last look has just joined", () => {
  const { seen } = observed({ members: [member("i-1"), member("i-2")], before: lookAt([member("i-1")]) });
  assert.deepEqual(
    seen.machines.map(({ joined }) => joined === NOW),
    [false, true],
  );
});

test("the usual period follows what it is, slowly, and is never below five seconds", () => {
  const before = { ...lookAt([]), at: NOW - 10 };
  assert.equal(observed({ before }).look.period, 55);
  assert.equal(observed({ before: { ...before, period: 1 } }).look.period, 5);
  assert.equal(observed().look.period, 60);
  assert.equal(observed({ before: { ...before, at: NOW - 9999, period: 90 } }).look.period, 90);
});

test("no more jobs are remembered than there is room for, and what is read back is what was written", () => {
  const many = Array.from({ length: 3000 }, (_, i) => job(i));
  const { look } = observed({ members: [member("i-1", { jobs: many }), member("i-2", { jobs: many })] });
  assert.deepEqual(
    Object.values(look.running).map((jobs) => jobs.length),
    [3000, 2000],
  );
  assert.deepEqual(readLook(JSON.parse(JSON.stringify(look))), look);
  for (const wrong of [null, 5, {}, { ...look, at: "1" }, { ...look, running: { "i-1": [["1", "a"]] } }]) {
    assert.equal(readLook(wrong), undefined);
  }
});
