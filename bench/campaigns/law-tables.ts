import { table } from "../table.ts";
import { OURS } from "./law-variants.ts";

/** One simulation of the campaign. A law that does not use the value is run once for all. */
export type Run = {
  readonly set: "tuning" | "evaluation" | "trace";
  /** Scenario or trace. */
  readonly case: string;
  readonly seed: number;
  readonly law: string;
  readonly settings: string;
  readonly value: number;
  readonly usesValue: boolean;
  readonly cost: number;
  readonly waitHours: number;
  readonly waitP95: number;
  readonly idleHours: number;
  readonly launches: number;
  readonly evictions: number;
  readonly swing: number;
  readonly unfinished: number;
  readonly bounds: readonly number[];
};

/** Settings of a law that are best at a value on the tuning seeds. */
export type Best = { readonly law: string; readonly settings: string; readonly value: number };

export function bestSettings(runs: readonly Run[], values: readonly number[]): Best[] {
  const tuning = runs.filter(({ set }) => set === "tuning");
  return [...new Set(tuning.map(({ law }) => law))].flatMap((law) =>
    values.map((value) => {
      const settings = [...new Set(tuning.filter((run) => run.law === law).map((run) => run.settings))];
      const scored = settings.map((one) => ({
        settings: one,
        score: mean(ratios(tuning, law, one, value, values).map(Math.log)),
      }));
      const [best] = scored.sort((a, b) => a.score - b.score);
      return { law, settings: best?.settings ?? "default", value };
    }),
  );
}

/** J/LB by case, each the mean over seeds of J over the mean of LB. */
function ratios(
  runs: readonly Run[],
  law: string,
  settings: string,
  value: number,
  values: readonly number[],
): number[] {
  const own = of(runs, law, settings, value);
  return [...Map.groupBy(own, (run) => run.case)].map(([, group]) => {
    const bound = mean(group.map(({ bounds }) => bounds[values.indexOf(value)] ?? Number.NaN));
    return mean(group.map((run) => objective(run, value))) / bound;
  });
}

function of(runs: readonly Run[], law: string, settings: string, value: number): Run[] {
  return runs.filter(
    (run) => run.law === law && run.settings === settings && (!run.usesValue || run.value === value),
  );
}

function objective({ cost, waitHours, unfinished }: Run, value: number): number {
  // A law that leaves jobs undone has no price.
  return unfinished > 0 ? Number.NaN : cost + value * waitHours;
}

export function lawTables(runs: readonly Run[], best: readonly Best[], values: readonly number[]): string {
  const evaluation = runs.filter(({ set }) => set === "evaluation");
  const cases = [...new Set(evaluation.map((run) => run.case))].sort();
  return values
    .map((value) => {
      const rows = contenders(evaluation, best, value).map(({ law, settings }) => {
        const own = cases.map((one) =>
          of(evaluation, law, settings, value).filter((run) => run.case === one),
        );
        const toBound = ratios(evaluation, law, settings, value, values);
        const paired = own.map((group) => pairedTo(group, evaluation, value));
        return [
          law,
          settings,
          fixed(Math.exp(mean(toBound.map(Math.log))), 3),
          plusMinus(meanPaired(paired)),
          ...paired.map((one) => plusMinus(one)),
          fixed(mean(own.flat().map(({ waitHours }) => waitHours)), 0),
        ];
      });
      const headings = ["law", "settings", "J/LB", "all", ...cases, "wait h"];
      return `β = ${value}: geometric mean of J/LB, and 100·ln(J/J of ${OURS}) ± its standard error\n${table(headings, rows)}`;
    })
    .join("\n\n");
}

/** Defaults and, where they differ, the settings tuned for this value; ours first, then by law. */
function contenders(
  runs: readonly Run[],
  best: readonly Best[],
  value: number,
): { readonly law: string; readonly settings: string }[] {
  const laws = [...new Set(runs.map(({ law }) => law))];
  return laws.flatMap((law) => {
    const tuned = best.find((one) => one.law === law && one.value === value)?.settings ?? "default";
    return [...new Set(["default", tuned])].map((settings) => ({ law, settings }));
  });
}

type Paired = { readonly mean: number; readonly error: number };

function pairedTo(group: readonly Run[], runs: readonly Run[], value: number): Paired {
  const differences = group.map((run) => {
    const ours = of(runs, OURS, "default", value).find(
      (one) => one.case === run.case && one.seed === run.seed,
    );
    return ours === undefined ? Number.NaN : 100 * Math.log(objective(run, value) / objective(ours, value));
  });
  return { mean: mean(differences), error: standardError(differences) };
}

/** Over cases, which are independent of each other. */
function meanPaired(all: readonly Paired[]): Paired {
  const error = Math.sqrt(all.reduce((sum, one) => sum + one.error ** 2, 0)) / all.length;
  return { mean: mean(all.map((one) => one.mean)), error };
}

export function traceTable(runs: readonly Run[], best: readonly Best[], values: readonly number[]): string {
  const traces = runs.filter(({ set }) => set === "trace");
  const cases = [...new Set(traces.map((run) => run.case))].sort();
  return values
    .map((value) => {
      const rows = contenders(traces, best, value).map(({ law, settings }) => [
        law,
        settings,
        ...cases.flatMap((one) => {
          const own = of(traces, law, settings, value).filter((run) => run.case === one);
          const paired = pairedTo(own, traces, value);
          return [fixed(mean(own.map((run) => objective(run, value))), 0), plusMinus(paired)];
        }),
      ]);
      const headings = ["law", "settings", ...cases.flatMap((one) => [`J ${one}`, "to ours"])];
      return `β = ${value}: J on traces, mean over boots, and 100·ln(J/J of ${OURS})\n${table(headings, rows)}`;
    })
    .join("\n\n");
}

function fixed(number: number, digits: number): string {
  return Number.isFinite(number) ? number.toFixed(digits) : "unfinished";
}

function plusMinus({ mean, error }: Paired): string {
  if (!Number.isFinite(mean)) return "unfinished";
  const sign = mean > 0 ? "+" : "";
  return Number.isFinite(error)
    ? `${sign}${mean.toFixed(1)}±${error.toFixed(1)}`
    : `${sign}${mean.toFixed(1)}`;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function standardError(numbers: readonly number[]): number {
  if (numbers.length < 2) return Number.NaN;
  const middle = mean(numbers);
  const variance = numbers.reduce((sum, n) => sum + (n - middle) ** 2, 0) / (numbers.length - 1);
  return Math.sqrt(variance / numbers.length);
}
