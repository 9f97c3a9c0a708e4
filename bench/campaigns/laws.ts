import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { readWorkload } from "../../adapters/workload-file.ts";
import { lowerBound, workBound } from "../../core/sim/bound.ts";
import { FAMILIES, familyPlant, familyWorkload } from "../../core/sim/families.ts";
import { BASE_PLANT, cpuOffer, type Plant } from "../../core/sim/plant.ts";
import { simulate } from "../../core/sim/simulate.ts";
import type { Workload } from "../../core/sim/workload.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { bestSettings, lawTables, traceTable, type Run } from "./law-tables.ts";
import { VARIANTS, type Variant } from "./law-variants.ts";
import { results } from "./results.ts";

export const VALUES = [1, 3, 10] as const;
/** Settings were chosen on these seeds; those of the evaluation begin at 1000 and are others. */
export const TUNING_SEEDS = [0, 1] as const;
export const EVALUATION_FROM = 1000;
/** Boots drawn for each trace, whose jobs are what they are. */
const BOOTS = 5;
const LONGEST_RUN_SECONDS = 20 * 3600;

/** Every law on every scenario, tuned on seeds of their own; then, if told where they are, on traces. */
export const laws: Campaign = {
  name: "laws",
  summary: "ordering laws compared on scenarios A to G, and with --traces DIRECTORY on recorded jobs",
  fullSize: 10,
  run: (options) => compareLaws(options),
};

type Scope = { readonly variants?: readonly Variant[]; readonly families?: string };

export async function compareLaws(options: CampaignOptions, scope: Scope = {}): Promise<string> {
  const variants = scope.variants ?? VARIANTS;
  const kept = results<Run>(options.out);
  const done = new Set(kept.rows.map(keyOf));
  const run = (setting: Setting, variant: Variant): void => {
    for (const value of variant.usesValue ? VALUES : [1]) {
      const key = { set: setting.set, case: setting.case, seed: setting.seed };
      const row = { ...key, law: variant.law, settings: variant.settings, value };
      if (done.has(keyOf(row))) continue;
      const plant = { ...setting.plant(), waitValue: value };
      const { cost, waitHours, unfinished, ...rest } = simulate(
        setting.jobs(),
        plant,
        variant.make(),
        setting.seed,
      );
      const usesValue = variant.usesValue;
      kept.add({
        ...row,
        usesValue,
        cost,
        waitHours,
        unfinished,
        evictions: rest.evictions,
        idleHours: rest.idleFraction * rest.machineHours,
        swing: rest.swing,
        launches: rest.launches,
        waitP95: rest.waitMinutes.p95,
        bounds: setting.bounds(),
      });
    }
  };
  const families = FAMILIES.filter(({ name }) => (scope.families ?? "ABCDEFG").includes(name));
  for (const family of families) {
    for (const seed of TUNING_SEEDS) {
      const setting = ofFamily("tuning", family, seed);
      for (const variant of variants) run(setting, variant);
    }
    console.log(`tuned on ${family.name}: ${family.about}`);
  }
  const best = bestSettings(kept.rows, VALUES);
  const chosen = variants.filter(
    ({ law, settings }) =>
      settings === "default" || best.some((one) => one.law === law && one.settings === settings),
  );
  for (const family of families) {
    for (let i = 0; i < options.size; i++) {
      const setting = ofFamily("evaluation", family, EVALUATION_FROM + options.seed * 1000 + i);
      for (const variant of chosen) run(setting, variant);
    }
    console.log(`evaluated on ${family.name}`);
  }
  if (options.traces !== undefined) {
    for await (const setting of ofTraces(options.traces)) {
      for (const variant of chosen) run(setting, variant);
      console.log(`evaluated on ${setting.case}, boots ${setting.seed}`);
    }
  }
  const tables = lawTables(kept.rows, best, VALUES);
  return options.traces === undefined ? tables : `${tables}\n\n${traceTable(kept.rows, best, VALUES)}`;
}

type Setting = {
  readonly set: Run["set"];
  readonly case: string;
  readonly seed: number;
  readonly jobs: () => Workload;
  readonly plant: () => Plant;
  /** LB(β), or W/k for a trace, by value. */
  readonly bounds: () => readonly number[];
};

function ofFamily(set: Run["set"], family: (typeof FAMILIES)[number], seed: number): Setting {
  const jobs = once(() => familyWorkload(family, seed));
  const plant = (): Plant => familyPlant(family);
  const bounds = once(() => {
    const work = workBound(jobs(), family.slots);
    return lowerBound(family, jobs(), plant(), VALUES).map((bound) => Math.max(bound, work));
  });
  return { set, case: family.name, seed, jobs, plant, bounds };
}

/** One file of `submit_s,runtime_s,cores,user` each; machines as large as its largest job, on leases of a day. */
async function* ofTraces(directory: string): AsyncGenerator<Setting> {
  const files = readdirSync(directory).filter((name) => /\.csv(\.gz)?$|\.swf(\.gz)?$/.test(name));
  for (const file of files.sort()) {
    const { jobs } = await readWorkload(join(directory, file), file.includes(".swf") ? "swf" : "csv");
    const cut = { ...jobs, runSeconds: jobs.runSeconds.map((run) => Math.min(run, LONGEST_RUN_SECONDS)) };
    const cpus = Math.max(...jobs.requests.map((request) => request.cpus));
    for (let seed = 1; seed <= BOOTS; seed++) {
      yield {
        set: "trace",
        case: basename(file).replace(/\.(csv|swf)(\.gz)?$/, ""),
        seed,
        jobs: () => cut,
        plant: () => ({ ...BASE_PLANT, offers: [cpuOffer(cpus)] }),
        bounds: () => VALUES.map(() => workBound(cut, cpus)),
      };
    }
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function keyOf(run: Pick<Run, "set" | "case" | "seed" | "law" | "settings" | "value">): string {
  return [run.set, run.case, run.seed, run.law, run.settings, run.value].join("|");
}
