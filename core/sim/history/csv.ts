import { UpdraftError } from "../../errors.ts";
import { badLine, lineReader, shown, type Reader, type Rows } from "./reader.ts";

const REQUIRED = ["submit_s", "runtime_s"] as const;
const OPTIONAL = ["cores", "memory_mib", "disk_kib", "gpus", "user"] as const;
const REMEDY = `Give a first line with ${REQUIRED.join(", ")} and any of ${OPTIONAL.join(", ")}, then plain numbers without quotes.`;

/** A table with a heading: seconds of submission and run, and what the job asks for (one CPU when it does not say). */
export function csvReader(rows: Rows): Reader {
  let columns: Map<string, number> | undefined;
  const line = (text: string, number: number): void => {
    if (text.trim() === "") return;
    const cells = text.split(",").map((cell) => cell.trim());
    if (columns === undefined) {
      columns = heading(cells, number);
      return;
    }
    if (cells.length !== columns.size) {
      throw badLine(number, `${cells.length} cells instead of ${columns.size}`, REMEDY);
    }
    job(columns, cells, number, rows);
  };
  return lineReader(line, () => {
    if (columns === undefined) throw new UpdraftError("usage", "the table is empty", REMEDY);
  });
}

function heading(cells: readonly string[], number: number): Map<string, number> {
  const columns = new Map(cells.map((cell, i) => [cell.toLowerCase(), i]));
  const missing = REQUIRED.find((name) => !columns.has(name));
  if (missing !== undefined) throw badLine(number, `the heading has no ${missing}`, REMEDY);
  if (columns.size !== cells.length) throw badLine(number, "a heading stands twice", REMEDY);
  return columns;
}

function job(
  columns: ReadonlyMap<string, number>,
  cells: readonly string[],
  number: number,
  rows: Rows,
): void {
  const cell = (name: string): string | undefined => cells[columns.get(name) ?? -1];
  const value = (name: string, otherwise: number): number => {
    const text = cell(name);
    if (text === undefined) return otherwise;
    const parsed = text === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(parsed)) throw badLine(number, `${name} "${shown(text)}" is not a number`, REMEDY);
    return parsed;
  };
  const runSeconds = value("runtime_s", 0);
  const request = {
    cpus: value("cores", 1),
    memory: value("memory_mib", 0),
    disk: value("disk_kib", 0),
    gpus: value("gpus", 0),
  };
  const submitted = value("submit_s", 0);
  if (runSeconds <= 0) return rows.skip("no run time");
  if (request.cpus <= 0) return rows.skip("no number of CPUs");
  if (Math.min(request.memory, request.disk, request.gpus) < 0) {
    throw badLine(number, "a job cannot ask for less than nothing", REMEDY);
  }
  const owner = cell("user");
  if (owner === undefined || owner === "") rows.assume("owner unknown");
  rows.job({ submitted, runSeconds, request, owner: owner ?? "" });
}
