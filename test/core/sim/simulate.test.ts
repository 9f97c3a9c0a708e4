import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { waitValue } from "../../../core/laws/wait-value.ts";
import { provisioningRate } from "../../../core/laws/provisioning-rate.ts";
import type { AnyLaw, Observation } from "../../../core/laws/law.ts";
import { BASE_PLANT, cpuOffer, type Plant } from "../../../core/sim/plant.ts";
import { simulate } from "../../../core/sim/simulate.ts";
import { objective } from "../../../core/sim/tally.ts";
import { coreHours, workload, type TraceJob } from "../../../core/sim/workload.ts";

const sure = { median: 240, sigma: 0, least: 240, most: 240 };
const plant = (changes: Partial<Plant> = {}): Plant => ({
  ...BASE_PLANT,
  offers: [cpuOffer(1)],
  spinUp: sure,
  ...changes,
});

const job = (submitted: number, runSeconds: number, cpus = 1, owner = "alice"): TraceJob => ({
  submitted,
  runSeconds,
  request: { cpus, memory: 0, disk: 0, gpus: 0 },
  owner,
});

/** Orders so many at the first tick and never releases. */
const orderOnce = (count: number, idleSeconds = 1200, offer = 0): AnyLaw => ({
  name: "once",
  source: "",
  simplified: "",
  initial: false,
  idleSeconds,
  decide: (_, done: boolean) => ({
    order: done ? [] : [{ offer, count }],
    release: [],
    reason: "",
    memory: true,
  }),
});

test("one job waits for boot and negotiation, and its machine is paid from launch to the idle timer", () => {
  const jobs = workload([job(0, 600)]);
  const result = simulate(jobs, plant(), orderOnce(1, 300), 1);
  assert.equal(result.completed, 1);
  // Ordered at 0, joined at 240 and negotiated at once, ran to 840, idle to 1140.
  near(result.waitHours * 3600, 240);
  near(result.machineHours * 3600, 1140);
  assert.deepEqual(result.cpuHours, {
    paid: 1140 / 3600,
    useful: 600 / 3600,
    lost: 0,
    booting: 240 / 3600,
    idle: (1140 - 840) / 3600,
  });
  near(objective(result, 3) * 3600, 1140 + 3 * 240);
});

test("a claim is reused at once for the same user, and only at the next negotiation for another", () => {
  const same = simulate(workload([job(0, 100), job(0, 100)]), plant(), orderOnce(1), 1);
  near(same.waitHours * 3600, 240 + 340);
  const other = simulate(workload([job(0, 100), job(0, 100, 1, "bob")]), plant(), orderOnce(1), 1);
  near(other.waitHours * 3600, 240 + 360);
});

test("a claim that is older than its work life goes back to negotiation", () => {
  const jobs = workload([job(0, 100), job(0, 100), job(0, 100)]);
  const result = simulate(jobs, plant({ claimWorklifeSeconds: 150 }), orderOnce(1), 1);
  near(result.waitHours * 3600, 240 + 340 + 480);
});

test("what runs at the end of the lease goes back to the queue, waits again, and its hours are lost unless it resumes", () => {
  const jobs = workload([job(0, 900)]);
  const law: AnyLaw = {
    ...orderOnce(1),
    decide: ({ now }) => ({
      order: now === 0 || now === 1200 ? [{ offer: 0, count: 1 }] : [],
      release: [],
      reason: "",
      memory: null,
    }),
  };
  // The first machine's lease ends at 1500; a job that starts at 1020 at the earliest does not finish there.
  const late = simulate(workload([job(0, 1), job(1000, 900)]), plant({ leaseSeconds: 1500 }), law, 1);
  assert.equal(late.evictions, 1);
  assert.equal(late.completed, 2);
  near(late.cpuHours.lost * 3600, 1500 - 1020);
  const two = workload([job(0, 1), job(1000, 900)]);
  const resumed = simulate(two, plant({ leaseSeconds: 1500, resumes: true }), law, 1);
  assert.deepEqual([resumed.evictions, resumed.cpuHours.lost, resumed.completed], [1, 0, 2]);
  near(resumed.cpuHours.useful * 3600, 901);
  assert.deepEqual([...two.runSeconds], [1, 900]);
  const never = simulate(jobs, plant({ leaseSeconds: 1000 }), law, 1);
  assert.deepEqual(never.excluded, { tooLarge: 0, tooLong: 1 });
  assert.equal(never.completed + never.unfinished, 0);
});

test("a refused start leaves the rest of the lease unused, and a job that nothing holds is counted", () => {
  const law: AnyLaw = {
    ...orderOnce(1),
    decide: ({ now }) => ({
      order: now === 0 || now === 1200 ? [{ offer: 0, count: 1 }] : [],
      release: [],
      refuseSeconds: 600,
      reason: "",
      memory: null,
    }),
  };
  const jobs = workload([job(0, 1), job(1000, 900), job(0, 1, 2)]);
  const result = simulate(jobs, plant({ leaseSeconds: 1500 }), law, 1);
  assert.equal(result.evictions, 0);
  assert.equal(result.excluded.tooLarge, 1);
  assert.equal(result.completed, 2);
});

test("a node takes no job in its last stretch, though the law asks for nothing", () => {
  const jobs = workload([job(0, 1), job(1200, 100)]);
  const started = (drainSeconds: number) =>
    simulate(jobs, plant({ leaseSeconds: 1500, drainSeconds }), orderOnce(1), 1).completed;
  assert.equal(started(100), 2);
  assert.equal(started(400), 1);
});

test("a released busy machine takes no further job and ends when it is empty; a withdrawn one goes on", () => {
  const law = (withdraw: boolean): AnyLaw => ({
    ...orderOnce(1, Number.POSITIVE_INFINITY),
    decide: ({ now }) => ({
      order: now === 0 || (!withdraw && now === 600) ? [{ offer: 0, count: 1 }] : [],
      release: now === 300 ? [0] : [],
      withdraw: withdraw && now === 360 ? [0] : [],
      reason: "",
      memory: null,
    }),
  });
  const jobs = workload([job(0, 300), job(0, 300)]);
  assert.equal(simulate(jobs, plant(), law(false), 1).launches, 2);
  const kept = simulate(jobs, plant(), law(true), 1);
  assert.equal(kept.launches, 1);
  assert.equal(kept.withdrawals, 1);
  near(kept.waitHours * 3600, 240 + 540);
});

test("EC2 that has no more refuses, failed boots end themselves, and reclaimed jobs run again", () => {
  const jobs = workload(Array.from({ length: 20 }, () => job(0, 7200)));
  const short = { ...cpuOffer(1), capacity: (time: number) => (time < 600 ? 5 : 30) };
  const scarce = simulate(jobs, plant({ offers: [short] }), waitValue, 1);
  assert.ok(scarce.refused >= 15);
  assert.equal(scarce.completed, 20);
  const failing = simulate(jobs, plant({ failedBootShare: 0.5 }), waitValue, 1);
  assert.ok(failing.failedBoots > 3);
  assert.equal(failing.completed, 20);
  const spot = { ...cpuOffer(1), reclaimsPerHour: 0.5 };
  const reclaimed = simulate(jobs, plant({ offers: [spot] }), waitValue, 1);
  assert.ok(reclaimed.reclaims > 3 && reclaimed.evictions > 3);
  assert.equal(reclaimed.completed, 20);
  assert.ok(reclaimed.cpuHours.lost > 1);
});

test("jobs of several shapes run on the offers that are cheapest for them, each at its price", () => {
  const offers = [
    { ...cpuOffer(1), price: 0.1 },
    { ...cpuOffer(8), price: 0.6 },
  ];
  const used = new Set<string>();
  const jobs = workload([job(0, 1800), job(0, 1800, 8), job(0, 1800, 4)]);
  const result = simulate(jobs, plant({ offers }), waitValue, 1, {
    tick: ({ machines }) => {
      for (const one of machines)
        for (const { request } of one.jobs) used.add(`${one.offer}:${request.cpus}`);
    },
  });
  assert.equal(result.completed, 3);
  assert.deepEqual([...used].sort(), ["0:1", "1:4", "1:8"]);
  assert.ok(result.cost > 0.1 * result.machineHours && result.cost < 0.6 * result.machineHours);
  assert.equal(result.launches, 3);
});

test("a run that cannot end is given up, and says how many jobs are left", () => {
  const result = simulate(workload([job(0, 600), job(10, 600)]), plant(), orderOnce(0), 1);
  assert.equal(result.completed, 0);
  assert.equal(result.unfinished, 2);
  assert.ok(result.waitHours > 24 * 59 * 2);
});

const anyJobs = fc.array(
  fc.record({
    submitted: fc.integer({ min: 0, max: 20_000 }),
    runSeconds: fc.integer({ min: 1, max: 9000 }),
    cpus: fc.integer({ min: 1, max: 4 }),
    owner: fc.constantFrom("alice", "bob", "carol"),
  }),
  { minLength: 1, maxLength: 60 },
);
const anyPlant = fc.record({
  leaseSeconds: fc.integer({ min: 10_000, max: 40_000 }),
  negotiationSeconds: fc.constantFrom(20, 60, 300),
  claimWorklifeSeconds: fc.constantFrom(0, 1200, Number.POSITIVE_INFINITY),
  failedBootShare: fc.constantFrom(0, 0.2),
  reclaims: fc.constantFrom(0, 0.3),
  slots: fc.integer({ min: 4, max: 8 }),
  waitValue: fc.constantFrom(0.3, 1, 3, 10),
  idleSeconds: fc.constantFrom(60, 300, 1200),
  resumes: fc.boolean(),
});
// One that lets go by itself, and one whose machines end by their idle timer.
const anyLaw = fc.constantFrom<AnyLaw>(waitValue, provisioningRate({ perHour: 6, periodSeconds: 60 }));

test("jobs and machine-hours are conserved, whatever comes", () => {
  fc.assert(
    fc.property(anyJobs, anyPlant, anyLaw, fc.integer({ min: 0, max: 1000 }), (list, p, law, seed) => {
      const jobs = workload(list.map((one) => job(one.submitted, one.runSeconds, one.cpus, one.owner)));
      const offers = [{ ...cpuOffer(p.slots), reclaimsPerHour: p.reclaims }];
      let seen: Observation | undefined;
      // A machine must live to see a negotiation.
      const idleSeconds = Math.max(p.idleSeconds, p.negotiationSeconds + 60);
      const timed = law === waitValue ? law : { ...law, idleSeconds };
      const result = simulate(jobs, plant({ ...p, offers }), timed, seed, {
        tick: (observation) => {
          seen = observation;
          for (const machine of observation.machines) {
            const used = machine.jobs.reduce((sum, one) => sum + one.request.cpus, 0);
            assert.equal(used + machine.free.cpus, p.slots);
            assert.ok(machine.free.cpus >= 0);
          }
        },
      });
      const { tooLarge, tooLong } = result.excluded;
      assert.equal(result.completed + result.unfinished + tooLarge + tooLong, list.length);
      assert.equal(tooLarge + result.unfinished, 0);
      if (tooLong === 0) near(result.cpuHours.useful, coreHours(jobs));
      const { paid, useful, lost, booting, idle } = result.cpuHours;
      near(paid, useful + lost + booting + idle);
      near(paid, result.machineHours * p.slots);
      assert.ok(idle >= -1e-9 && lost >= 0 && booting >= 0);
      assert.ok(result.waitHours >= 0);
      assert.ok(seen !== undefined);
    }),
    { numRuns: 60 },
  );
});

test("the same seed gives the same run, and another one does not", () => {
  const jobs = workload(Array.from({ length: 50 }, (_, i) => job(i * 40, 900)));
  const spread = plant({ spinUp: BASE_PLANT.spinUp });
  const first = simulate(jobs, spread, waitValue, 7);
  assert.deepEqual(simulate(jobs, spread, waitValue, 7), first);
  assert.notEqual(simulate(jobs, spread, waitValue, 8).waitHours, first.waitHours);
});

function near(a: number, b: number): void {
  assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b)), `${a} is not ${b}`);
}
