import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arrivalRate, crowdRate, learnArrivals, NO_ARRIVALS } from "../../../core/laws/arrivals.ts";
import { bootDelay, learnBootDelays } from "../../../core/laws/boot-delay.ts";
import { racers, savedHours } from "../../../core/laws/boot-race.ts";
import { drainCandidates } from "../../../core/laws/drain.ts";
import { keepMinutes, learnGaps, NO_GAPS, peak } from "../../../core/laws/keep-warm.ts";
import { leaseGate } from "../../../core/laws/lease-gate.ts";
import { cheapest, cutOrders, packOnOffers, share, usedShare } from "../../../core/laws/offers.ts";
import {
  AGES,
  groupHazard,
  hazardOf,
  learnRunTimes,
  NO_RUN_TIMES,
  stayChance,
  survival,
  type RunTimes,
} from "../../../core/laws/run-times.ts";
import { random } from "../../../core/sim/random.ts";
import { inFlight, machine, NOW, request, size } from "./scene.ts";

const near = (a: number, b: number, by: number): void => {
  assert.ok(Math.abs(a - b) <= by * Math.abs(b), `${a} is not ${b}`);
};

/** Run times with a steady hazard per hour, as very many jobs show it. */
function steady(perHour: number): RunTimes {
  return { all: { ends: AGES.map(() => perHour * 1e6), hours: AGES.map(() => 1e6) }, groups: {} };
}

test("run times of a steady hazard are exponential, in every way to ask for them", () => {
  const known = steady(2);
  const s = survival(known.all);
  near(s.mean, 0.5, 1e-3);
  for (const hours of [0.001, 0.1, 1, 30]) {
    near(s.at(hours), Math.exp(-2 * hours), 1e-3);
    near(s.integral(hours), (1 - Math.exp(-2 * hours)) / 2, 1e-3);
    near(s.beyond(hours, 0.3), Math.exp(-0.6), 1e-3);
    near(stayChance(hazardOf(known.all), 0.3)(hours * 3600), Math.exp(-0.6), 1e-3);
  }
  const stay = stayChance(hazardOf(known.all), 0.3);
  assert.equal(stay(40), stay(41));
});

test("what jobs at work have survived counts, and a group is drawn to all jobs until it has shown its own", () => {
  let known = NO_RUN_TIMES;
  for (let i = 0; i < 100; i++) {
    const now = NOW + i * 60;
    known = learnRunTimes(
      known,
      {
        now,
        machines: [machine({ jobs: [] })].map((one) => ({
          ...one,
          jobs: [{ started: NOW, request: request(), group: "slow" }],
        })),
        completed: [{ group: "quick", seconds: 30 }],
      },
      60,
    );
  }
  const all = hazardOf(known.all);
  assert.equal(groupHazard(known, "nobody", all), all);
  assert.ok((groupHazard(known, "slow", all)[4] ?? 0) < (all[4] ?? 0));
  assert.ok((groupHazard(known, "quick", all)[0] ?? 0) >= (all[0] ?? 0));
  assert.equal(survival(known.all).ends, 100);
});

test("a group's old ends fade, and the least heard of groups is forgotten", () => {
  const completed = (group: string, n: number) => Array.from({ length: n }, () => ({ group, seconds: 100 }));
  let known = learnRunTimes(NO_RUN_TIMES, { now: NOW, machines: [], completed: completed("many", 1000) }, 60);
  const ends = known.groups["many"]?.ends.reduce((sum, n) => sum + n, 0) ?? 0;
  assert.ok(ends > 100 && ends <= 301);
  for (let i = 0; i < 600; i++) {
    known = learnRunTimes(known, { now: NOW, machines: [], completed: completed(`user${i}`, 1) }, 60);
  }
  assert.ok(Object.keys(known.groups).length <= 501);
  assert.equal(known.groups["many"], undefined);
  assert.ok(known.groups["user599"] !== undefined);
});

test("survival never rises, starts at 1, and its integral is between 0 and the mean", () => {
  const counts = fc.array(fc.double({ min: 0, max: 1e5, noNaN: true }), {
    minLength: AGES.length,
    maxLength: AGES.length,
  });
  fc.assert(
    fc.property(counts, counts, (ends, hours) => {
      const s = survival({ ends, hours });
      let before = 1;
      for (let i = 0; i < 60; i++) {
        const time = i * 0.37;
        const now = s.at(time);
        assert.ok(now <= before + 1e-12 && now >= 0);
        assert.ok(s.integral(time) >= 0 && s.integral(time) <= s.mean * (1 + 1e-9));
        const stay = s.beyond(time, 0.5);
        assert.ok(stay >= 0 && stay <= 1);
        before = now;
      }
      assert.equal(s.at(0), 1);
    }),
    { numRuns: 100 },
  );
});

test("the rate of arrivals rests on the newest jobs, counts a batch as a busy minute, and starts at nothing", () => {
  assert.equal(arrivalRate(NO_ARRIVALS, 60), 0);
  let known = NO_ARRIVALS;
  for (let i = 0; i < 120; i++) known = learnArrivals(known, 2, 60);
  near(arrivalRate(known, 60), 120, 1e-9);
  known = learnArrivals(known, 500, 60);
  assert.ok(arrivalRate(known, 60) < 150);
  assert.ok(crowdRate(known, 60) > 600);
  for (let i = 0; i < 2000; i++) known = learnArrivals(known, 0, 60);
  assert.ok(known.perLook.length <= 900);
  assert.equal(arrivalRate(known, 60), 0);
  assert.equal(crowdRate(known, 60), 0);
  assert.equal(crowdRate(learnArrivals(NO_ARRIVALS, 30, 60), 60), 360);
});

test("the boot delay is drawn to four minutes and late is later than any boot seen", () => {
  assert.deepEqual(bootDelay([]), { mean: 240 / 3600, late: 540 / 3600 });
  const slow = Array.from({ length: 40 }, () => 600);
  near(bootDelay(slow).mean, (4 * 240 + 40 * 600) / 44 / 3600, 1e-9);
  near(bootDelay(slow).late, 900 / 3600, 1e-9);
  const news = [machine({ joined: NOW - 10, ordered: NOW - 310 }), machine(), inFlight()];
  assert.deepEqual(learnBootDelays([1], news, NOW, 60), [1, 300]);
  assert.equal(learnBootDelays(slow, news, NOW, 60).length, 40);
  assert.equal(learnBootDelays(slow, [], NOW, 60), slow);
});

test("more race for the jobs the more boots differ and the dearer waiting is, and never more than twice what is needed", () => {
  const differ = Array.from({ length: 40 }, (_, i) => 120 + 6 * i);
  const same = differ.map(() => 240);
  const boot = 240 / 3600;
  assert.equal(racers([], 10, 100, boot), 0);
  assert.equal(racers(same, 10, 100, boot), 0);
  assert.equal(racers(differ, 0, 100, boot), 0);
  assert.equal(racers(differ, 100, 0.5, boot), 0);
  assert.equal(racers(differ, 100, 1000, boot), 100);
  const some = [1, 2, 3, 4].map((worth) => racers(differ, 100, worth, boot));
  assert.deepEqual(
    some,
    some.toSorted((a, b) => a - b),
  );
  assert.ok((some[2] ?? 0) > 0 && (some[2] ?? 0) < 100, `${some}`);
});

test("what one more in the race saves is what drawing boots many times says", () => {
  const boots = Array.from({ length: 20 }, (_, i) => 100 + i * i);
  const next = random(7);
  const draw = (n: number): number[] => Array.from({ length: n }, () => boots[Math.floor(next() * 20)] ?? 0);
  for (const [needed, ordered] of [
    [1, 1],
    [3, 4],
    [20, 26],
  ] as const) {
    let saved = 0;
    const draws = 40_000;
    for (let i = 0; i < draws; i++) {
      const first = draw(ordered).sort((a, b) => a - b);
      const [one = 0] = draw(1);
      saved += Math.max(0, (first[needed - 1] ?? 0) - one);
    }
    near(savedHours(boots, needed, ordered), saved / draws / 3600, 0.06);
  }
});

test("the lease gate opens while little is known, and closes earlier for longer jobs", () => {
  assert.equal(leaseGate(survival(NO_RUN_TIMES.all), 8, 1, 0.06), 0);
  const hour = leaseGate(survival(steady(1).all), 8, 1, 0.06);
  const short = leaseGate(survival(steady(20).all), 8, 1, 0.06);
  assert.ok(hour > 2 && hour < 6, String(hour));
  assert.ok(short < 1, String(short));
  // Where several jobs share a machine, the last one holds empty slots.
  assert.ok(leaseGate(survival(steady(1).all), 8, 8, 0.06) < hour);
});

test("how long to keep what is not needed is what would have cost least in the gaps so far", () => {
  let now = 0;
  let gaps = NO_GAPS;
  const go = (needed: number, minutes: number): void => {
    for (let i = 0; i < minutes; i++, now += 60) gaps = learnGaps(gaps, needed, now, 60);
  };
  for (let i = 0; i < 50; i++) {
    go(5, 3);
    go(2, 6);
  }
  // Levels 3 to 5 come back after six minutes: to bridge that pays when booting again costs more.
  assert.equal(keepMinutes(gaps, now, 3), 0);
  assert.ok(keepMinutes(gaps, now, 30) >= 6);
  assert.equal(peak(gaps, now, 0), 0);
  assert.equal(peak(gaps, now, 5), 2);
  assert.equal(peak(gaps, now, 8), 5);
  assert.equal(peak(NO_GAPS, now, 60), 0);
  for (let i = 0; i < 2000; i++) {
    go(1, 1);
    go(0, 2);
  }
  assert.ok(gaps.counts.reduce((sum, n) => sum + n, 0) <= 2001);
});

test("a job's share is that of its scarcest resource, with a disk that has no end", () => {
  assert.equal(share({ cpus: 1, memory: 8192, disk: 10, gpus: 0 }, size(4)), 0.5);
  assert.equal(usedShare(size(4), { ...size(4), cpus: 1 }), 0.75);
  assert.equal(usedShare({ ...size(4), disk: 100 }, { ...size(4), disk: 10 }), 0.9);
  assert.equal(share({ cpus: 0, memory: 0, disk: 0, gpus: 1 }, size(4)), Number.POSITIVE_INFINITY);
});

test("orders are packed by offer and cut in their order, under the room that each offer has in all", () => {
  const offers = [
    { machine: size(4), price: 1, room: 3 },
    { machine: size(16), price: 3, room: 9 },
  ];
  assert.equal(cheapest({ ...request(), count: 0.5 }, offers), 0);
  assert.equal(cheapest({ ...request(99), count: 1 }, offers), undefined);
  assert.deepEqual(packOnOffers([{ ...request(99), count: 1 }], offers), []);
  assert.deepEqual(
    packOnOffers(
      [
        { ...request(), count: 3 },
        { ...request(8), count: 4 },
      ],
      offers,
    ),
    [
      { offer: 0, count: 1 },
      { offer: 1, count: 2 },
    ],
  );
  const twice = [
    { offer: 0, count: 2 },
    { offer: 1, count: 2 },
    { offer: 0, count: 5 },
    { offer: 7, count: 5 },
  ];
  assert.deepEqual(cutOrders(twice, 100, offers), [
    { offer: 0, count: 2 },
    { offer: 1, count: 2 },
    { offer: 0, count: 1 },
  ]);
  assert.deepEqual(cutOrders(twice, 1, offers), [{ offer: 0, count: 1 }]);
  assert.deepEqual(cutOrders(twice, -3, offers), []);
});

test("the emptiest machines are drained first, and two machines' worth stays in hand", () => {
  const busy = [
    { machine: machine({ cpus: 8, jobs: [1, 1, 1] }), provides: 0.6 },
    { machine: machine({ cpus: 8, jobs: [1] }), provides: 0.9 },
    { machine: machine({ cpus: 8, jobs: [1, 1] }), provides: 0.7 },
    { machine: machine({ cpus: 8, jobs: [1, 1] }), provides: 0.8 },
  ];
  const id = (i: number): number => busy[i]?.machine.id ?? -1;
  assert.deepEqual(drainCandidates.release(busy, 2.5), []);
  assert.deepEqual(drainCandidates.release(busy, 3.7), [id(1), id(3)]);
  assert.deepEqual(drainCandidates.withdraw(busy, 1), {
    withdraw: [id(0), id(2)],
    gained: 1.2999999999999998,
  });
  assert.deepEqual(drainCandidates.withdraw(busy, 0), { withdraw: [], gained: 0 });
});
