import { listedLaw } from "../laws/catalogue.ts";
import { objective, type Report } from "../sim/tally.ts";
import type { Result } from "./study.ts";

/** One law at one value on one case: means over seeds. Hours, minutes of waiting, USD. */
export type Summary = {
  readonly case: string;
  readonly law: string;
  /** What waiting was worth to it; undefined for a law that does not ask. */
  readonly waitValue: number | undefined;
  readonly machineHours: number;
  /** Undefined where no price is known. */
  readonly cost: number | undefined;
  readonly waitMinutes: Report["waitMinutes"];
  readonly idleFraction: number;
  readonly evictions: number;
  readonly launches: number;
  readonly mostInstances: number;
  readonly unfinished: number;
  /** J by value: machine-hours and so many times the hours waited; none while jobs were left unfinished. */
  readonly objectives: readonly { readonly waitValue: number; readonly hours: number | undefined }[];
};

/** `price` is USD for a machine-hour. */
export function summarize(
  results: readonly Result[],
  waitValues: readonly number[],
  price: number | undefined,
): Summary[] {
  const groups = Map.groupBy(results, (one) => [one.case, one.law, one.waitValue].join(" "));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const reports = group.map(({ report }) => report);
    const mean = (of: (report: Report) => number): number =>
      reports.reduce((sum, report) => sum + of(report), 0) / reports.length;
    const unfinished = mean((report) => report.unfinished);
    const own = listedLaw(first.law).usesValue ? first.waitValue : undefined;
    const hours = mean((report) => report.machineHours);
    return [
      {
        case: first.case,
        law: first.law,
        waitValue: own,
        machineHours: hours,
        cost: price === undefined ? undefined : hours * price,
        waitMinutes: {
          mean: mean((report) => report.waitMinutes.mean),
          p50: mean((report) => report.waitMinutes.p50),
          p95: mean((report) => report.waitMinutes.p95),
          p99: mean((report) => report.waitMinutes.p99),
        },
        idleFraction: mean((report) => report.idleFraction),
        evictions: mean((report) => report.evictions),
        launches: mean((report) => report.launches),
        mostInstances: Math.max(...reports.map((report) => report.mostInstances)),
        unfinished,
        objectives: (own === undefined ? waitValues : [own]).map((waitValue) => ({
          waitValue,
          hours: unfinished > 0 ? undefined : mean((report) => objective(report, waitValue)),
        })),
      },
    ];
  });
}

/** The mean bound by case and value. */
export function bounds(results: readonly Result[]): { case: string; waitValue: number; hours: number }[] {
  const bounded = results.filter((one) => one.bound !== undefined);
  return [...Map.groupBy(bounded, (one) => `${one.case} ${one.waitValue}`).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const hours = group.reduce((sum, { bound }) => sum + (bound ?? 0), 0) / group.length;
    return [{ case: first.case, waitValue: first.waitValue, hours }];
  });
}
