import { UpdraftError } from "../../errors.ts";
import { workloadBuilder, type TraceJob, type Workload } from "../workload.ts";

/** Why a row is no job of a simulation; each is counted and told. */
export type Skip =
  | "not completed"
  | "not of the vanilla universe"
  | "no submission time"
  | "no run time"
  | "impossible times"
  | "no number of CPUs";

/** What was filled in for a job that was kept. */
export type Assumption =
  | "memory taken as none"
  | "disk taken as none"
  | "owner unknown"
  | "GPUs taken as none";

/** What a reader gives its rows to. */
export type Rows = {
  job(job: TraceJob): void;
  skip(why: Skip): void;
  assume(what: Assumption): void;
};

/** A format's reader: text comes in pieces that may end anywhere. */
export type Reader = { push(text: string): void; end(): void };

export type ReadWorkload = {
  readonly jobs: Workload;
  /** Rows that were read, kept or not. */
  readonly rows: number;
  readonly skipped: Readonly<Partial<Record<Skip, number>>>;
  readonly assumed: Readonly<Partial<Record<Assumption, number>>>;
};

/** Gathers what readers find. */
export function gather(): { readonly rows: Rows; result(): ReadWorkload } {
  const builder = workloadBuilder();
  const skipped: Partial<Record<Skip, number>> = {};
  const assumed: Partial<Record<Assumption, number>> = {};
  let rows = 0;
  return {
    rows: {
      job(job) {
        rows++;
        builder.add(job);
      },
      skip(why) {
        rows++;
        skipped[why] = (skipped[why] ?? 0) + 1;
      },
      assume(what) {
        assumed[what] = (assumed[what] ?? 0) + 1;
      },
    },
    result: () => ({ jobs: builder.build(), rows, skipped, assumed }),
  };
}

/** A text that is not what its format says. */
export function badLine(line: number, what: string, remedy: string): UpdraftError {
  return new UpdraftError("usage", `line ${line}: ${what}`, remedy);
}

/** Whole lines without their ends, numbered from 1; the last one may lack its end. */
export function lineReader(line: (text: string, number: number) => void, done: () => void): Reader {
  let rest = "";
  let number = 0;
  const take = (text: string): void => line(text.endsWith("\r") ? text.slice(0, -1) : text, ++number);
  return {
    push(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const one of lines) take(one);
    },
    end() {
      if (rest !== "") take(rest);
      rest = "";
      done();
    },
  };
}

/** A text for a message: one line, not long. */
export function shown(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, " ");
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
