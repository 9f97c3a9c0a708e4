import { at } from "../../core/at.ts";
import { provisioningRate } from "../../core/laws/provisioning-rate.ts";
import { leaseTrajectory } from "../../core/model/lease-echo.ts";
import { BASE_PLANT, cpuOffer, type Plant } from "../../core/sim/plant.ts";
import { exponential, poissonTimes, random } from "../../core/sim/random.ts";
import { simulate } from "../../core/sim/simulate.ts";
import { workload } from "../../core/sim/workload.ts";
import { table } from "../table.ts";
import type { Campaign } from "./campaign.ts";

const RATES = {
  submissionRate: 1000,
  // Negotiation each 10 s: a slot waits 5 s in the mean.
  matchRate: 720,
  provisioningRate: 2,
  completionRate: 1,
  idleTerminationRate: 3,
} as const;
const VARIANT = { matching: "min", evicted: "requeued", idleEnd: "timer" } as const;
const DELAY_HOURS = 5 / 60;
const STEP_HOURS = 1 / 60;
const LEASES = [8, 24];

/** Machines ordered together end together: the simulator against the model with fixed lifetimes. */
export const leaseEcho: Campaign = {
  name: "lease-echo",
  summary: "waves of machines whose leases end together, simulated and by theory; leases that pass",
  fullSize: 5,
  run: ({ size, seed }) => Promise.resolve(echoTable(size, seed)),
};

function echoTable(leases: number, seed: number): string {
  const kinds = LEASES.flatMap((lease) => [false, true].map((resumes) => ({ lease, resumes })));
  const rows = kinds.map(({ lease, resumes }) => {
    const { model, simulated } = echoes(lease, leases, seed, resumes);
    const deviation = model.map((machines, i) => Math.abs(machines - at(simulated, i)));
    const [byModel, bySimulator] = [wave(model, lease), wave(simulated, lease)];
    const mean = (numbers: readonly number[]): number =>
      numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
    return [
      `${lease} h`,
      resumes ? "resume" : "begin anew",
      byModel.period.toFixed(2),
      bySimulator.period.toFixed(2),
      byModel.swings.map((swing) => swing.toFixed(0)).join(" "),
      bySimulator.swings.map((swing) => swing.toFixed(0)).join(" "),
      (100 * byModel.growth).toFixed(0),
      (100 * bySimulator.growth).toFixed(0),
      ((100 * mean(deviation)) / mean(model)).toFixed(1),
    ];
  });
  const both = (what: string): string[] => [`${what}, model`, "simulated"];
  const headings = [
    "lease",
    "evicted jobs",
    ...both("period h"),
    ...both("swing"),
    ...both("growth %"),
    "off %",
  ];
  return `swing: standard deviation of the number of machines over each lease; growth from one to the next\n${table(headings, rows)}`;
}

/** Machines in the pool each minute, from an empty pool on. In the model evicted jobs have no memory, as if they resumed. */
export function echoes(
  lease: number,
  leases: number,
  seed: number,
  resumes: boolean,
): { readonly model: readonly number[]; readonly simulated: readonly number[] } {
  const hours = lease * leases;
  const times = Array.from({ length: Math.round(hours / STEP_HOURS) }, (_, i) => i * STEP_HOURS);
  const { submissionRate } = RATES;
  const model = leaseTrajectory(
    { parameters: RATES, variant: VARIANT, lease, spinUpDelay: DELAY_HOURS },
    0,
    times,
    {
      relative: 1e-6,
      absolute: 1e-6,
    },
  ).map(({ idle, busy }) => idle + busy);

  const next = random(seed, 0xec40);
  const jobs = workload(
    poissonTimes(next, hours, submissionRate, () => submissionRate).map((hour) => ({
      submitted: hour * 3600,
      runSeconds: exponential(next, 1 / RATES.completionRate) * 3600,
      request: { cpus: 1, memory: 0, disk: 0, gpus: 0 },
      owner: "a",
    })),
    0,
  );
  const boot = DELAY_HOURS * 3600;
  const plant: Plant = {
    ...BASE_PLANT,
    offers: [cpuOffer(1)],
    spinUp: { median: boot, sigma: 0, least: boot, most: boot },
    // The model's lifetime begins when a machine joins.
    leaseSeconds: lease * 3600 + boot,
    negotiationSeconds: 10,
    claimWorklifeSeconds: -1,
    resumes,
  };
  const simulated: number[] = [];
  simulate(jobs, plant, provisioningRate({ perHour: RATES.provisioningRate, periodSeconds: 60 }), seed, {
    tick: ({ machines }) => {
      if (simulated.length < times.length)
        simulated.push(machines.filter(({ joined }) => joined !== undefined).length);
    },
  });
  return { model, simulated };
}

/** Period by the highest correlation with itself about a lease later; swing by lease, and its mean growth. */
export function wave(
  machines: readonly number[],
  lease: number,
): { readonly period: number; readonly swings: readonly number[]; readonly growth: number } {
  const steps = Math.round(lease / STEP_HOURS);
  // The first lease is the filling of the pool.
  const windows = Math.floor(machines.length / steps);
  const swings = Array.from({ length: windows - 1 }, (_, i) =>
    deviation(machines.slice((i + 1) * steps, (i + 2) * steps)),
  );
  const tail = machines.slice(steps);
  let [best, lag] = [Number.NEGATIVE_INFINITY, steps];
  for (let by = Math.round(0.8 * steps); by < 1.2 * steps; by++) {
    const found = correlation(tail.slice(0, tail.length - by), tail.slice(by));
    if (found > best) [best, lag] = [found, by];
  }
  const [first = 1, last = 1] = [swings[0], swings.at(-1)];
  return {
    period: lag * STEP_HOURS,
    swings,
    growth: (last / first) ** (1 / Math.max(1, swings.length - 1)) - 1,
  };
}

function deviation(numbers: readonly number[]): number {
  return Math.sqrt(covariance(numbers, numbers));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  return covariance(a, b) / (deviation(a) * deviation(b));
}

function covariance(a: readonly number[], b: readonly number[]): number {
  const mean = (numbers: readonly number[]): number =>
    numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  return mean(a.map((one, i) => (one - meanA) * (at(b, i) - meanB)));
}
