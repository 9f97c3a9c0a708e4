import type { ReadWorkload } from "../sim/history/reader.ts";
import { coreHours, type Workload } from "../sim/workload.ts";
import { at } from "../at.ts";
import { formatDuration } from "../time.ts";
import type { Result } from "./study.ts";
import type { Summary } from "./summary.ts";

/** Whole numbers as people write them; of small ones the digits that matter. */
export function amount(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}

const minutes = (value: number): string => formatDuration(value < 10 ? value * 60 : Math.round(value) * 60);
const percent = (share: number): string => (100 * share).toFixed(1);

/** Rows of one case, heading first. What one column would say of none is left out. */
export function summaryTable(
  summaries: readonly Summary[],
  waitValues: readonly number[],
  bounds: readonly { readonly waitValue: number; readonly hours: number }[],
): string[][] {
  const priced = summaries.some(({ cost }) => cost !== undefined);
  const rows = summaries.map((one) => [
    one.law,
    one.waitValue === undefined ? "" : String(one.waitValue),
    ...(priced ? [one.cost === undefined ? "" : amount(one.cost)] : []),
    amount(one.machineHours),
    minutes(one.waitMinutes.mean),
    minutes(one.waitMinutes.p50),
    minutes(one.waitMinutes.p95),
    minutes(one.waitMinutes.p99),
    percent(one.idleFraction),
    amount(one.evictions),
    amount(one.launches),
    amount(one.mostInstances),
    ...waitValues.map((value) => {
      const own = one.objectives.find(({ waitValue }) => waitValue === value);
      if (own === undefined) return "";
      return own.hours === undefined ? `${amount(one.unfinished)} jobs left` : amount(own.hours);
    }),
  ]);
  const bound = waitValues.map((value) => bounds.find(({ waitValue }) => waitValue === value)?.hours);
  const blank = Array.from({ length: 9 + (priced ? 1 : 0) }, () => "");
  return [
    [
      "LAW",
      "WAIT VALUE",
      ...(priced ? ["COST USD"] : []),
      "MACHINE-HOURS",
      "WAIT MEAN",
      "MEDIAN",
      "95 %",
      "99 %",
      "IDLE %",
      "EVICTIONS",
      "LAUNCHES",
      "MOST",
      ...waitValues.map((value) => `J AT ${value}`),
    ],
    ...rows,
    ...(bounds.length === 0
      ? []
      : [
          ["no law below", "", ...blank, ...bound.map((hours) => (hours === undefined ? "" : amount(hours)))],
        ]),
  ];
}

/** What was read, in a sentence. */
export function workloadWords(jobs: Workload): string {
  const users = new Set(jobs.owner).size;
  const span = at(jobs.submitted, jobs.count - 1);
  return `${jobs.count} jobs of ${users} ${users === 1 ? "user" : "users"}, submitted over ${formatDuration(span)}, ${amount(coreHours(jobs))} CPU-hours.`;
}

/** What was left out or filled in, a sentence each. */
export function readingNotes({ rows, skipped, assumed }: ReadWorkload): string[] {
  const count = (counts: Readonly<Partial<Record<string, number>>>): string =>
    Object.entries(counts)
      .map(([why, number]) => `${number ?? 0} ${why}`)
      .join(", ");
  return [
    ...(Object.keys(skipped).length === 0 ? [] : [`Of ${rows} rows were left out: ${count(skipped)}.`]),
    ...(Object.keys(assumed).length === 0 ? [] : [`Filled in: ${count(assumed)}.`]),
  ];
}

/** Jobs that no machine could serve, and laws that did not end. */
export function runNotes(results: readonly Result[], summaries: readonly Summary[]): string[] {
  const excluded = results[0]?.report.excluded;
  const notes: string[] = [];
  if (excluded !== undefined && excluded.tooLarge > 0)
    notes.push(`${excluded.tooLarge} jobs are larger than the machine, and were left out.`);
  if (excluded !== undefined && excluded.tooLong > 0)
    notes.push(`${excluded.tooLong} jobs run longer than a lease allows, and were left out.`);
  const given = [...new Set(summaries.filter(({ unfinished }) => unfinished > 0).map(({ law }) => law))];
  if (given.length > 0)
    notes.push(
      `Given up 60 days after the last submission, with jobs that still waited: ${given.join(", ")}.`,
    );
  return notes;
}
