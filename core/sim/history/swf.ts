import { badLine, lineReader, shown, type Reader, type Rows } from "./reader.ts";

const FIELDS = 18;

/**
 * The Standard Workload Format of the Parallel Workloads Archive: 18 numbers a line, -1 for unknown. Run time is field
 * 4, CPUs field 5 (else 8), memory field 10 in KiB a CPU, user field 12.
 */
export function swfReader(rows: Rows): Reader {
  const line = (text: string, number: number): void => {
    const trimmed = text.trim();
    if (trimmed === "" || trimmed.startsWith(";")) return;
    const fields = trimmed.split(/\s+/).map(Number);
    if (fields.length < FIELDS || fields.some((field) => Number.isNaN(field))) {
      throw badLine(
        number,
        `"${shown(trimmed)}" is not ${FIELDS} numbers`,
        "Give a file of the Standard Workload Format, whose comments begin with a semicolon.",
      );
    }
    const field = (n: number): number => fields[n - 1] ?? -1;
    const cpus = field(5) > 0 ? field(5) : field(8);
    const memory = field(10);
    if (field(2) < 0) return rows.skip("no submission time");
    if (field(4) <= 0) return rows.skip("no run time");
    if (cpus <= 0) return rows.skip("no number of CPUs");
    if (memory <= 0) rows.assume("memory taken as none");
    if (field(12) < 0) rows.assume("owner unknown");
    rows.job({
      submitted: field(2),
      runSeconds: field(4),
      request: { cpus, memory: memory > 0 ? Math.ceil((memory * cpus) / 1024) : 0, disk: 0, gpus: 0 },
      owner: String(field(12)),
    });
  };
  return lineReader(line, () => undefined);
}
