import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventQueue } from "../../../core/sim/event-queue.ts";
import { launch, occupy, type SimMachine } from "../../../core/sim/machines.ts";
import { negotiate } from "../../../core/sim/negotiate.ts";
import { BASE_PLANT, cpuOffer, fate, meanSpinUpHours, type Plant } from "../../../core/sim/plant.ts";
import { quantileOf } from "../../../core/sim/quantile.ts";
import { jobQueue, type Cluster } from "../../../core/sim/queue.ts";
import { exponential, geometric, lognormal, normal, poissonTimes, random } from "../../../core/sim/random.ts";
import { coreHours, workload, workloadBuilder } from "../../../core/sim/workload.ts";

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
const near = (a: number, b: number, by: number): void => {
  assert.ok(Math.abs(a - b) <= by * Math.abs(b), `${a} is not ${b}`);
};

test("events come in order of time, kind and scheduling", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ time: fc.nat(50), kind: fc.nat(3) }), { maxLength: 200 }), (list) => {
      const events = eventQueue();
      for (const [i, { time, kind }] of list.entries()) events.push(time, kind, i, 0);
      const taken: { time: number; kind: number; subject: number }[] = [];
      while (events.size > 0) {
        const next = events.time;
        events.take();
        assert.equal(events.taken.time, next);
        taken.push({ ...events.taken });
      }
      const expected = list
        .map((one, i) => ({ ...one, subject: i }))
        .sort((a, b) => a.time - b.time || a.kind - b.kind || a.subject - b.subject);
      assert.deepEqual(
        taken.map(({ time, kind, subject }) => ({ time, kind, subject })),
        expected,
      );
    }),
  );
  assert.equal(eventQueue().time, Number.POSITIVE_INFINITY);
  assert.throws(() => eventQueue().take(), /no event/);
});

test("random numbers are even, repeat for their seeds, and differ for others", () => {
  const next = random(1, 2);
  const draws = Array.from({ length: 20_000 }, next);
  near(mean(draws), 0.5, 0.02);
  assert.ok(draws.every((x) => x >= 0 && x < 1));
  assert.equal(random(1, 2)(), draws[0]);
  const firsts = new Set(Array.from({ length: 500 }, (_, i) => random(7, i)()));
  assert.equal(firsts.size, 500);
  near(mean([...firsts]), 0.5, 0.1);
});

test("draws have the means and spreads of their distributions", () => {
  const next = random(3);
  const many = (draw: () => number): number[] => Array.from({ length: 20_000 }, draw);
  near(mean(many(() => exponential(next, 4))), 4, 0.03);
  near(mean(many(() => normal(next) ** 2)), 1, 0.04);
  near(mean(many(() => Math.log(lognormal(next, 5, 0.5)))), Math.log(5), 0.02);
  near(mean(many(() => geometric(next, 6))), 6, 0.03);
  assert.equal(geometric(next, 0.5), 1);
  near(poissonTimes(next, 1000, 5, (time) => (time < 500 ? 5 : 1)).length, 3000, 0.06);
});

test("the n-th launch has one fate a seed: within the cut, or failing as often as told", () => {
  const plant: Plant = { ...BASE_PLANT, offers: [cpuOffer(1)], failedBootShare: 0.25 };
  const fates = Array.from({ length: 4000 }, (_, i) => fate(plant, cpuOffer(1), 1, i));
  const joining = fates.map(({ spinUp }) => spinUp).filter(Number.isFinite);
  assert.ok(joining.every((time) => time >= 120 && time <= 480));
  near(mean(joining) / 3600, meanSpinUpHours(plant.spinUp), 0.02);
  near(1 - joining.length / fates.length, 0.25, 0.12);
  assert.ok(fates.every(({ reclaim }) => reclaim === Number.POSITIVE_INFINITY));
  assert.deepEqual(fate(plant, cpuOffer(1), 1, 5), fates[5]);
  const spot = { ...cpuOffer(1), reclaimsPerHour: 0.5 };
  near(mean(Array.from({ length: 4000 }, (_, i) => fate(plant, spot, 2, i).reclaim)) / 3600, 2, 0.06);
  assert.equal(meanSpinUpHours({ median: 240, sigma: 0, least: 120, most: 480 }), 240 / 3600);
  // A cut that hardly any draw meets gives its nearer end rather than an endless search.
  const never: Plant = {
    ...plant,
    failedBootShare: 0,
    spinUp: { median: 10, sigma: 0.01, least: 120, most: 480 },
  };
  assert.equal(fate(never, cpuOffer(1), 1, 0).spinUp, 120);
});

const request = (cpus: number) => ({ cpus, memory: 0, disk: 0, gpus: 0 });

test("a negotiation cycle serves jobs by submission, on the fullest machine that holds them", () => {
  const jobs = workload([
    { submitted: 0, runSeconds: 1, request: request(4), owner: "a" },
    { submitted: 1, runSeconds: 1, request: request(1), owner: "b" },
    { submitted: 2, runSeconds: 1, request: request(2), owner: "a" },
    { submitted: 3, runSeconds: 1, request: request(1), owner: "b" },
  ]);
  const queue = jobQueue(jobs);
  for (let job = 0; job < jobs.count; job++) queue.add(job);
  const machines = [3, 2, 4].map((free, i): SimMachine => {
    const made = launch(i, 0, { cpus: 4, memory: 16, disk: 16, gpus: 0 }, 0, 1000);
    made.joined = 0;
    occupy(made, request(4 - free));
    return made;
  });
  const late = launch(3, 0, { cpus: 4, memory: 16, disk: 16, gpus: 0 }, 0, 50);
  late.joined = 0;
  const booting = launch(4, 0, { cpus: 4, memory: 16, disk: 16, gpus: 0 }, 0, 1000);
  const started: [number, number][] = [];
  negotiate(queue, [...machines, late, booting], 10, 60, (machine: SimMachine, cluster: Cluster) => {
    occupy(machine, cluster.request);
    started.push([queue.take(cluster), machine.id]);
  });
  // The first takes the empty machine; then the one with two free fills up, then that with three.
  assert.deepEqual(started, [
    [0, 2],
    [1, 1],
    [2, 0],
    [3, 1],
  ]);
  assert.equal(queue.idle, 0);
});

test("an evicted job goes back to its place by submission", () => {
  const jobs = workload(
    [0, 1, 2, 3].map((submitted) => ({ submitted, runSeconds: 1, request: request(1), owner: "a" })),
  );
  const queue = jobQueue(jobs);
  const cluster = [0, 1, 2].map((job) => queue.add(job))[0];
  assert.ok(cluster !== undefined);
  assert.deepEqual([queue.take(cluster), queue.take(cluster)], [0, 1]);
  queue.add(3);
  queue.putBack(1, cluster.id);
  assert.deepEqual(queue.left(), [1, 2, 3]);
  assert.equal(queue.idle, 3);
  assert.throws(() => queue.putBack(1, 9), /no cluster/);
  for (let i = 0; i < 3; i++) queue.take(cluster);
  assert.throws(() => queue.take(cluster), /no idle job/);
});

test("a long queue forgets what has started", () => {
  const list = Array.from({ length: 5000 }, (_, i) => ({
    submitted: i,
    runSeconds: 1,
    request: request(1),
    owner: "a",
  }));
  const queue = jobQueue(workload(list));
  const [cluster] = list.map((_, job) => queue.add(job));
  assert.ok(cluster !== undefined);
  for (let i = 0; i < 4000; i++) assert.equal(queue.take(cluster), i);
  assert.ok(cluster.waiting.length < 2000);
  assert.equal(queue.first(cluster), 4000);
});

test("a workload is sorted by submission and begins at its first job, or where it is told", () => {
  const builder = workloadBuilder();
  for (const submitted of [30, 10, 20]) {
    builder.add({ submitted, runSeconds: submitted * 360, request: request(2), owner: `u${submitted % 20}` });
  }
  const jobs = builder.build();
  assert.deepEqual([...jobs.submitted], [0, 10, 20]);
  assert.deepEqual([...jobs.runSeconds], [3600, 7200, 10_800]);
  assert.deepEqual(jobs.owners, ["u10", "u0"]);
  assert.equal(jobs.requests.length, 1);
  assert.equal(coreHours(jobs), 12);
  assert.deepEqual([...builder.build(5).submitted], [5, 15, 25]);
  assert.equal(workload([]).count, 0);
});

test("quantiles are by nearest rank", () => {
  assert.equal(quantileOf([1, 2, 3, 4], 0.5), 2);
  assert.equal(quantileOf([1, 2, 3, 4], 0.99), 4);
  assert.equal(quantileOf([], 0.5), 0);
});
