import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { QueuedJobs, QueueReader } from "../core/sensors.ts";
import type { QueueQueries } from "./condor-queue.ts";
import { writeAtomically } from "./files.ts";
import { markLog, newsSince, type LogMark } from "./queue-log.ts";

/** The schedd is asked at least so often, whatever its log says. */
const REUSED_SECONDS = 300;
/** More would take longer to keep than to ask for again. */
const KEPT_BYTES = 4 * 1024 * 1024;
const FORMAT = 1;

type Kept = {
  readonly format: number;
  readonly expression: string;
  readonly mark: LogMark;
  /** Unix seconds. */
  readonly at: number;
  /** The jobs' ads, which `idle` tells by their index. */
  readonly ads: readonly string[];
  readonly idle: readonly (Omit<QueuedJobs["idle"][number], "ad"> & { readonly ad: number })[];
  readonly running: QueuedJobs["running"];
  readonly rejections: QueuedJobs["rejections"];
  readonly unmaterialized: number;
};

/** Asks the schedd only when its log says that jobs have changed since it was last asked; else again what it said. */
export function remembering(
  queries: QueueQueries,
  spool: string,
  file: string,
  now: () => number,
): QueueReader {
  const log = join(spool, "job_queue.log");
  return {
    async jobs(expression, look) {
      const kept = await recall(file, expression, now());
      if (kept !== undefined) {
        const news = await newsSince(log, kept.mark);
        if (news === "quiet") return unpacked(kept);
        if (news === "rejections") {
          const mark = await markLog(log);
          const rejections = await queries.rejections(expression);
          if (mark !== undefined) await keep(file, { ...kept, mark, rejections });
          return { ...unpacked(kept), rejections };
        }
      }
      const mark = await markLog(log);
      const at = now();
      const jobs = await queries.jobs(expression, look);
      if (mark !== undefined) await keep(file, { ...packed(jobs), format: FORMAT, expression, mark, at });
      return jobs;
    },
  };
}

async function recall(file: string, expression: string, now: number): Promise<Kept | undefined> {
  try {
    const kept = JSON.parse(await readFile(file, "utf8")) as Kept;
    const age = now - kept.at;
    const usable = kept.format === FORMAT && kept.expression === expression;
    return usable && age >= 0 && age < REUSED_SECONDS ? kept : undefined;
  } catch {
    return undefined;
  }
}

async function keep(file: string, kept: Kept): Promise<void> {
  const text = JSON.stringify(kept);
  // Of a text that is too long nothing is kept; what was kept before is told to be old by the log.
  if (text.length <= KEPT_BYTES) await writeAtomically(file, text);
}

function packed({ idle, ...rest }: QueuedJobs): Omit<Kept, "format" | "expression" | "mark" | "at"> {
  const indices = new Map<string, number>();
  const rows = idle.map((some) => {
    const ad = indices.get(some.ad) ?? indices.size;
    indices.set(some.ad, ad);
    return { ...some, ad };
  });
  return { ...rest, ads: [...indices.keys()], idle: rows };
}

function unpacked({ ads, idle, running, rejections, unmaterialized }: Kept): QueuedJobs {
  // JSON leaves out what is undefined.
  return {
    idle: idle.map((some) => ({ ...some, ad: ads[some.ad] ?? "" })),
    running,
    rejections,
    unmaterialized,
  };
}
