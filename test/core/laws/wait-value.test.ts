import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { forecast } from "../../../core/laws/forecast.ts";
import type { Limits, MachineSeen, Observation } from "../../../core/laws/law.ts";
import type { WaitValueMemory } from "../../../core/laws/wait-value-memory.ts";
import { waitValue } from "../../../core/laws/wait-value.ts";
import { inFlight, limits, machine, NOW, request, seen, size, waiting } from "./scene.ts";

const decide = (look: Partial<Observation>, bounds: Limits = limits(), memory = waitValue.initial) =>
  waitValue.decide(seen(look), memory, bounds);
const count = (wish: ReturnType<typeof decide>): number =>
  wish.order.reduce((sum, one) => sum + one.count, 0);

/** What the law knows after so many looks at the same. */
function after(looks: number, look: (i: number) => Partial<Observation>, bounds = limits()): WaitValueMemory {
  let memory = waitValue.initial;
  for (let i = 0; i < looks; i++) {
    const now = NOW - (looks - i) * bounds.tickSeconds;
    ({ memory } = waitValue.decide(seen({ now, ...look(i) }), memory, bounds));
  }
  return memory;
}

const done = (n: number, seconds: number, group = "alice") =>
  Array.from({ length: n }, () => ({ group, seconds }));

test("what waits is ordered, less what is on its way and not late", () => {
  assert.equal(count(decide({ waiting: [waiting(10)] })), 10);
  assert.equal(count(decide({ waiting: [waiting(10)], machines: [inFlight(), inFlight()] })), 8);
  const late = inFlight({ ordered: NOW - 1000 });
  assert.equal(count(decide({ waiting: [waiting(10)], machines: [late] })), 10);
  assert.equal(count(decide({ waiting: [waiting(10)] }, limits({}, 4))), 3);
  assert.equal(count(decide({ waiting: [waiting(3)], machines: [machine(), machine(), machine()] })), 0);
});

test("nothing is ordered when the pool drains sooner than an instance boots, unless waiting is dear", () => {
  const memory = after(40, () => ({ completed: done(20, 30) }));
  const busy = Array.from({ length: 10 }, () => machine({ jobs: [20] }));
  const look = { waiting: [waiting(3)], machines: busy };
  const wish = decide(look, limits(), memory);
  assert.equal(count(wish), 0);
  assert.match(wish.reason, /^jobs that end within 4 min free \d+\.\d, the waiting jobs will start sooner/);
  assert.ok(count(decide(look, limits({ waitValue: 10 }), memory)) >= 1);
});

/** Users of short and of long jobs. */
function quickAndSlow(): WaitValueMemory {
  const slow = Array.from({ length: 20 }, () => machine({ jobs: [], group: "slow" }));
  return after(60, (i) => ({
    completed: done(20, 30, "quick"),
    machines: slow.map((one) => ({
      ...one,
      jobs: [{ started: NOW - 10_000, request: request(), group: "slow" }],
    })),
    now: NOW - 9900 + i * 60,
  }));
}

test("jobs of a user are judged by that user's, not by everybody's", () => {
  const memory = quickAndSlow();
  const of = (group: string, age: number): number =>
    count(
      decide(
        {
          waiting: [waiting(5)],
          machines: Array.from({ length: 10 }, () => machine({ jobs: [age], group })),
        },
        limits(),
        memory,
      ),
    );
  assert.equal(of("quick", 30), 0);
  assert.equal(of("slow", 600), 5);
});

test("limits bind: instances, order size, room of the offer", () => {
  const look = { waiting: [waiting(50)], machines: [machine({ jobs: [60] }), inFlight()] };
  assert.equal(count(decide(look, limits({ maxInstances: 12 }))), 10);
  assert.equal(count(decide(look, limits({ maxOrder: 7 }))), 7);
  assert.equal(count(decide(look, limits({ offers: [{ machine: size(1), price: 1, room: 4 }] }))), 4);
});

test("each shape goes to the offer on which it is cheapest, and the next one when there is no room", () => {
  const offers = [
    { machine: size(2), price: 1, room: 10 },
    { machine: size(16), price: 6, room: 10 },
    { machine: { ...size(4), gpus: 1 }, price: 9, room: 10 },
  ];
  const look = (n: number, cpus: number, gpus = 0): Partial<Observation> => ({
    waiting: [waiting(n, { ...request(cpus), gpus })],
  });
  assert.deepEqual(decide(look(2, 1), limits({ offers })).order, [{ offer: 0, count: 1 }]);
  assert.deepEqual(decide(look(32, 1), limits({ offers })).order, [{ offer: 1, count: 2 }]);
  assert.deepEqual(decide(look(1, 8), limits({ offers })).order, [{ offer: 1, count: 1 }]);
  assert.deepEqual(decide(look(1, 1, 1), limits({ offers })).order, [{ offer: 2, count: 1 }]);
  assert.deepEqual(decide(look(1, 64), limits({ offers })).order, []);
  const full = offers.map((one, i) => (i === 1 ? { ...one, room: 0 } : one));
  assert.deepEqual(decide(look(4, 1), limits({ offers: full })).order, [{ offer: 0, count: 2 }]);
});

test("the warm minimum is kept and made up for, on the cheapest offer with room", () => {
  const offers = [
    { machine: size(1), price: 2, room: 10 },
    { machine: size(1), price: 1, room: 10 },
    { machine: size(1), price: 0.5, room: 0 },
  ];
  assert.deepEqual(decide({}, limits({ warmInstances: 2, offers })).order, [{ offer: 1, count: 2 }]);
  const idle = [machine(), machine(), machine()];
  assert.equal(decide({ machines: idle }, limits({ warmInstances: 2 })).release.length, 1);
  assert.equal(decide({ machines: idle }, limits()).release.length, 3);
});

test("idle machines go, the longest idle first, and not while something waits for them", () => {
  const [old, young] = [machine({ idleSince: NOW - 900 }), machine()];
  assert.deepEqual(decide({ machines: [young, old] }).release, [old.id, young.id]);
  assert.deepEqual(decide({ machines: [young, old], waiting: [waiting(2)] }).release, []);
});

test("no job starts too late in a lease, once it is known how long jobs run, and such machines go when empty", () => {
  assert.equal(decide({}).refuseSeconds, 0);
  // Twenty machines of jobs of half an hour on average.
  const busy = Array.from({ length: 20 }, (_, i) => machine({ jobs: [i * 120] }));
  const look = (i: number) => ({ completed: i % 3 === 0 ? done(2, 1800) : [], machines: busy });
  const memory = after(61, look, limits({ leaseSeconds: 28_800 }));
  const spent = machine({ leaseEnd: NOW + 600 });
  const wish = decide({ machines: [spent], waiting: [waiting(1)] }, limits({ leaseSeconds: 28_800 }), memory);
  assert.ok((wish.refuseSeconds ?? 0) > 1800 && (wish.refuseSeconds ?? 0) < 26_000);
  assert.deepEqual(wish.release, [spent.id]);
  assert.equal(count(wish), 1);
});

test("the jobs of a machine whose lease ends within a boot will wait too, and take what becomes free", () => {
  const memory = quickAndSlow();
  const quick = Array.from({ length: 4 }, () => machine({ jobs: [30], group: "quick" }));
  const ending = machine({ jobs: [600], group: "slow", leaseEnd: NOW + 100 });
  const ordered = (machines: readonly MachineSeen[]): number =>
    count(decide({ machines, waiting: [waiting(5)] }, limits(), memory));
  assert.equal(ordered([...quick, ending]), ordered(quick) + 1);
});

test("spares are held where waiting is dear and jobs keep coming", () => {
  const came = { arrived: [{ ...request(), count: 1 }] };
  const busy = Array.from({ length: 30 }, (_, i) => machine({ jobs: [i * 60] }));
  const idle = Array.from({ length: 12 }, () => machine());
  const memory = (value: number) =>
    after(60, () => ({ ...came, machines: busy }), limits({ waitValue: value }));
  const kept = (value: number): number =>
    6 -
    decide({ ...came, machines: [...busy, ...idle] }, limits({ waitValue: value }), memory(value)).release
      .length;
  assert.ok(kept(10) > kept(1), `${kept(10)} and ${kept(1)}`);
  const wish = decide({ ...came, machines: busy }, limits({ waitValue: 10 }), memory(10));
  assert.ok(count(wish) > 0);
  assert.match(wish.reason, /as a reserve for jobs to come/);
});

test("in a crowd of short jobs all that come within a boot count, though few are there at its end", () => {
  const looks = { arrived: [{ ...request(), count: 2 }], completed: done(2, 20) };
  const memory = after(90, () => looks);
  const { deviation, bootHours, arrivals } = forecast(seen(looks), memory, limits());
  assert.ok(Math.abs(arrivals - 120) < 3, `${arrivals}`);
  assert.ok(Math.abs(deviation - Math.sqrt(2 * arrivals * bootHours)) < 1e-9, `${deviation}`);
  const few = after(90, (i) => ({ arrived: i % 10 === 0 ? [{ ...request(), count: 1 }] : [] }));
  assert.ok(forecast(seen(), few, limits()).deviation < 0.75);
});

test("more are ordered than a batch needs where boots differ and waiting is dear, and the last to come let go", () => {
  const boots = Array.from({ length: 40 }, (_, i) => 120 + 6 * i);
  const memory = { ...waitValue.initial, boots };
  const look = { waiting: [waiting(20)] };
  const dear = decide(look, limits({ waitValue: 10 }), memory);
  assert.ok(count(dear) > 21 && count(dear) <= 40, `${count(dear)}`);
  assert.match(dear.reason, /\d+ more because boots differ: the first to join take the jobs/);
  assert.equal(count(decide(look, limits({ waitValue: 1 }), memory)), 20);
  assert.equal(count(decide(look, limits({ waitValue: 10, spares: false }), memory)), 20);
  assert.equal(count(decide(look, limits({ waitValue: 10, maxOrder: 22 }), memory)), 22);
  const costly = limits({ waitValue: 10 });
  const offers = [{ machine: size(0.5), price: 0.01, room: 9 }, ...costly.offers];
  assert.equal(count(decide(look, { ...costly, offers }, memory)), 20);

  const joined = Array.from({ length: 5 }, () => machine());
  const coming = Array.from({ length: 5 }, () => inFlight());
  assert.equal(decide({ machines: [...joined, ...coming] }, limits(), memory).release.length, 5);
});

test("machines on their way are no reason to drain those at work", () => {
  const busy = Array.from({ length: 6 }, () => machine({ cpus: 8, jobs: [4000, 5000] }));
  const coming = Array.from({ length: 20 }, () => inFlight({ cpus: 8 }));
  const memory = after(3, () => ({ arrived: [{ ...request(), count: 1 }] }), limits({}, 8));
  const drained = (machines: readonly MachineSeen[]): number =>
    decide({ machines }, limits({}, 8), memory).release.length;
  assert.equal(drained([...busy, ...coming]), drained(busy));
});

test("part-filled machines are drained when several are too many, and kept when they are needed after all", () => {
  const busy = Array.from({ length: 6 }, (_, i) =>
    machine({ cpus: 8, jobs: i === 0 ? [4000] : [4000, 5000] }),
  );
  const memory = after(3, () => ({ arrived: [{ ...request(), count: 1 }] }), limits({}, 8));
  const wish = decide({ machines: busy }, limits({}, 8), memory);
  assert.equal(wish.release[0], busy[0]?.id);
  assert.ok(wish.release.length >= 1 && wish.release.length <= 4);
  assert.deepEqual(decide({ machines: busy }, limits({ waitValue: 10 }, 8), memory).release, []);
  const drained: MachineSeen[] = busy.map((one) => ({ ...one, released: true }));
  const back = decide({ machines: drained, waiting: [waiting(4)] }, limits({}, 8), memory);
  assert.deepEqual(back.withdraw?.length, 1);
  assert.deepEqual(back.order, []);
});

test("a job that has waited for half an hour is served whatever it costs", () => {
  const memory = after(60, () => ({ completed: done(20, 20) }));
  const look = {
    waiting: [waiting(1, { oldest: NOW - 1801 })],
    machines: [machine({ jobs: [5] }), machine({ jobs: [5] })],
  };
  assert.equal(count(decide(look, limits({ waitValue: 0.1 }), memory)), 1);
  const young = { ...look, waiting: [waiting(1)] };
  assert.equal(count(decide(young, limits({ waitValue: 0.1 }), memory)), 0);
});

const anyMachine = fc
  .record({
    cpus: fc.constant(4),
    jobs: fc.array(fc.integer({ min: 0, max: 50_000 }), { maxLength: 4 }),
    joined: fc.boolean(),
    released: fc.boolean(),
    left: fc.integer({ min: -100, max: 90_000 }),
    group: fc.constantFrom("alice", "bob"),
  })
  .map(({ joined, left, jobs, ...rest }) => {
    const leaseEnd = NOW + left;
    return joined
      ? machine({ ...rest, jobs, leaseEnd })
      : inFlight({ ...rest, leaseEnd, ordered: NOW - (left % 1000) });
  });
const anyLook = fc.record({
  waiting: fc.array(
    fc
      .record({ n: fc.integer({ min: 1, max: 400 }), cpus: fc.integer({ min: 1, max: 6 }) })
      .map(({ n, cpus }) => waiting(n, request(cpus))),
    { maxLength: 4 },
  ),
  machines: fc.array(anyMachine, { maxLength: 12 }),
  arrived: fc.array(
    fc.integer({ min: 1, max: 500 }).map((n) => ({ ...request(), count: n })),
    { maxLength: 1 },
  ),
  completed: fc.array(
    fc.record({
      group: fc.constantFrom("alice", "bob"),
      seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    }),
    { maxLength: 30 },
  ),
});
const anyLimits = fc
  .record({
    maxInstances: fc.integer({ min: 0, max: 60 }),
    maxOrder: fc.integer({ min: 0, max: 60 }),
    room: fc.integer({ min: 0, max: 60 }),
    leaseSeconds: fc.integer({ min: 60, max: 90_000 }),
    waitValue: fc.constantFrom(0, 0.3, 1, 3, 10, 1000),
    warmInstances: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ room, ...rest }) => limits({ ...rest, offers: [{ machine: size(4), price: 0.2, room }] }, 4));

test("whatever it sees, it wants whole numbers within the limits, lets go of what is there once, and repeats itself", () => {
  fc.assert(
    fc.property(fc.array(anyLook, { minLength: 1, maxLength: 5 }), anyLimits, (looks, bounds) => {
      let memory = waitValue.initial;
      for (const look of looks) {
        const wish = waitValue.decide(seen(look), memory, bounds);
        const n = count(wish);
        assert.ok(Number.isSafeInteger(n) && n >= 0);
        const most = Math.max(0, bounds.maxInstances - look.machines.length);
        assert.ok(n <= Math.min(bounds.maxOrder, bounds.offers[0]?.room ?? 0, most));
        const held = new Map(look.machines.map((one) => [one.id, one]));
        assert.equal(new Set(wish.release).size, wish.release.length);
        for (const id of wish.release) assert.equal(held.get(id)?.released, false);
        for (const id of wish.release) assert.notEqual(held.get(id)?.joined, undefined);
        for (const id of wish.withdraw ?? []) assert.equal(held.get(id)?.released, true);
        assert.ok(Number.isFinite(wish.refuseSeconds));
        assert.doesNotMatch(wish.reason, /NaN|Infinity|undefined/);
        assert.deepEqual(waitValue.decide(seen(look), memory, bounds), wish);
        const kept = JSON.parse(JSON.stringify(wish.memory)) as WaitValueMemory;
        assert.deepEqual(kept, wish.memory);
        memory = kept;
      }
    }),
    { numRuns: 300 },
  );
});
