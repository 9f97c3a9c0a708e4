import { forecastBand } from "../../core/laws/forecast-band.ts";
import { gcp } from "../../core/laws/gcp.ts";
import type { AnyLaw } from "../../core/laws/law.ts";
import { marginalValue } from "../../core/laws/marginal-value.ts";
import { waitValue } from "../../core/laws/wait-value.ts";
import { BASE_PLANT, cpuOffer, type Plant } from "../../core/sim/plant.ts";
import { exponential, random } from "../../core/sim/random.ts";
import { simulate } from "../../core/sim/simulate.ts";
import { objective } from "../../core/sim/tally.ts";
import { workload, type Workload } from "../../core/sim/workload.ts";
import { table } from "../table.ts";
import type { Campaign } from "./campaign.ts";
import { optimalLaw, optimum, type SmallPool } from "./optimal-policy.ts";

const TICK_SECONDS = 80;
const HOURS = 300;
const VALUES = [1, 3, 10];
const POOLS = [
  { name: "2/h of 10 min", arrivals: 2, completions: 6, mostJobs: 8, mostMachines: 5 },
  { name: "4/h of 30 min", arrivals: 4, completions: 2, mostJobs: 16, mostMachines: 9 },
];

/** How far above the best possible policy laws are, for pools so small that it can be computed. */
export const optimumCampaign: Campaign = {
  name: "optimum",
  summary: "laws against the best possible policy of two small pools; seeds",
  fullSize: 10,
  run: ({ size, seed }) => Promise.resolve(optimumTable(size, seed)),
};

function optimumTable(seeds: number, from: number): string {
  const rows = POOLS.flatMap(({ name, ...sizes }) =>
    VALUES.map((value) => {
      const pool: SmallPool = { ...sizes, tick: TICK_SECONDS / 3600, waitValue: value };
      const best = optimum(pool);
      const laws: readonly AnyLaw[] = [waitValue, forecastBand(), marginalValue(), gcp()];
      const runs = Array.from({ length: seeds }, (_, i) => {
        const jobs = poisson(pool, 1000 * from + i);
        const cost = (law: AnyLaw): number =>
          objective(simulate(jobs, smallPlant(pool), law, 1000 * from + i), value) / HOURS;
        const least = cost(optimalLaw(best, pool));
        return { least, above: laws.map((law) => 100 * Math.log(cost(law) / least)) };
      });
      const simulated = runs.map(({ least }) => least);
      return [
        name,
        value,
        best.costPerHour.toFixed(3),
        `${mean(simulated).toFixed(3)}±${error(simulated).toFixed(3)}`,
        ...laws.map((_, i) => {
          const above = runs.map((run) => run.above[i] ?? Number.NaN);
          return `${mean(above).toFixed(1)}±${error(above).toFixed(1)}`;
        }),
      ];
    }),
  );
  const headings = [
    "pool",
    "β",
    "best, computed",
    "best, simulated",
    "updraft",
    "forecast-band",
    "marginal-value",
    "gcp",
  ];
  return `cost per hour, and 100·ln(J/J of the best) of laws, paired by seed\n${table(headings, rows)}`;
}

/** The pool of {@link SmallPool} as the simulator has it. */
export function smallPlant({ tick, waitValue: value, mostMachines }: SmallPool): Plant {
  const boot = 3 * tick * 3600;
  return {
    ...BASE_PLANT,
    offers: [cpuOffer(1)],
    spinUp: { median: boot, sigma: 0, least: boot, most: boot },
    leaseSeconds: 1e8,
    refuseSeconds: 0,
    negotiationSeconds: tick * 3600,
    tickSeconds: tick * 3600,
    maxInstances: mostMachines,
    waitValue: value,
  };
}

export function poisson({ arrivals, completions }: SmallPool, seed: number, hours = HOURS): Workload {
  const next = random(seed, 0x0b7);
  const request = { cpus: 1, memory: 1024, disk: 0, gpus: 0 };
  const jobs = [];
  for (let time = exponential(next, 1 / arrivals); time < hours; time += exponential(next, 1 / arrivals)) {
    const runSeconds = 3600 * exponential(next, 1 / completions);
    jobs.push({ submitted: time * 3600, runSeconds, request, owner: "user" });
  }
  return workload(jobs, 0);
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function error(numbers: readonly number[]): number {
  const middle = mean(numbers);
  const variance = numbers.reduce((sum, n) => sum + (n - middle) ** 2, 0) / Math.max(1, numbers.length - 1);
  return Math.sqrt(variance / numbers.length);
}
