import { listedLaw } from "../laws/catalogue.ts";
import { lowerBound, workBound } from "../sim/bound.ts";
import { FAMILIES, familyPlant, familyWorkload } from "../sim/families.ts";
import type { Plant } from "../sim/plant.ts";
import { simulate } from "../sim/simulate.ts";
import type { Report } from "../sim/tally.ts";
import type { Workload } from "../sim/workload.ts";

/** What is simulated: plain data, so that it can be handed to a worker. */
export type Study = {
  /** Recorded jobs and the machines for them; undefined for scenarios, which have their own. */
  readonly recorded: { readonly jobs: Workload; readonly plant: Plant } | undefined;
  /** Knobs over those of a scenario. */
  readonly changes: Partial<Plant>;
  /** Nodes end themselves after so long without a job, whatever the law. */
  readonly idleSeconds: number | undefined;
};

/** One simulation. A recorded workload's case is {@link RECORDED}, a scenario's is its letter. */
export type Task = {
  readonly case: string;
  readonly law: string;
  readonly waitValue: number;
  readonly seed: number;
};

export type Result = Task & {
  readonly report: Report;
  /** Hours that no law undercuts: of a scenario, and of ours only, because it is the same for all. */
  readonly bound: number | undefined;
};

export const RECORDED = "recorded";
export const OURS = "updraft";

/** Every law on every case and seed, those that go by it at each value. */
export function tasks(p: {
  readonly cases: readonly string[];
  readonly laws: readonly string[];
  readonly waitValues: readonly number[];
  readonly seeds: number;
}): Task[] {
  const seeds = Array.from({ length: p.seeds }, (_, seed) => seed);
  return p.cases.flatMap((one) =>
    p.laws.flatMap((law) => {
      const values = listedLaw(law).usesValue ? p.waitValues : p.waitValues.slice(0, 1);
      return values.flatMap((waitValue) => seeds.map((seed) => ({ case: one, law, waitValue, seed })));
    }),
  );
}

/** Runs one; the same task of the same study gives the same result. */
export function runTask({ recorded, changes, idleSeconds }: Study, task: Task): Result {
  const family = FAMILIES.find(({ name }) => name === task.case);
  const jobs = family === undefined ? recorded?.jobs : familyWorkload(family, task.seed);
  const usual = family === undefined ? recorded?.plant : familyPlant(family);
  if (jobs === undefined || usual === undefined) throw new Error(`there is no scenario ${task.case}`);
  const plant = { ...usual, ...changes, waitValue: task.waitValue };
  const { law } = listedLaw(task.law);
  const own = law.idleSeconds ?? plant.idleSeconds;
  const report = simulate(jobs, plant, { ...law, idleSeconds: Math.min(own, idleSeconds ?? own) }, task.seed);
  const bounded = family !== undefined && task.law === OURS;
  const bound = bounded ? (lowerBound(family, jobs, plant, [task.waitValue])[0] ?? 0) : undefined;
  return {
    ...task,
    report,
    bound:
      bound === undefined || family === undefined
        ? undefined
        : Math.max(bound, workBound(jobs, family.slots)),
  };
}
