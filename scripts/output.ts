import { createInterface } from "node:readline/promises";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { formatDuration } from "../core/time.ts";

/** Progress goes to standard error, so that standard output holds the answer alone. */
export function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Shows these lines alone on the terminal. */
export function repaint(lines: readonly string[]): void {
  process.stdout.write(`\u001b[H\u001b[2J${lines.join("\n")}\n`);
}

const PROGRESS_SECONDS = 10;

/** Tells how far a long work is, on standard error: on a terminal in one line, elsewhere in a line now and then. */
export function progress(
  total: number,
  what: string,
): { readonly done: (count: number) => void; readonly end: () => void } {
  const began = performance.now();
  let told = began;
  return {
    done(count) {
      const now = performance.now();
      const left = Math.round(((now - began) / 1000 / count) * (total - count));
      const line = `${count} of ${total} ${what}${count < total ? `, about ${formatDuration(left)} left` : ""}`;
      if (process.stderr.isTTY) process.stderr.write(`\r${line}\u001b[K`);
      else if (now - told >= PROGRESS_SECONDS * 1000) {
        told = now;
        report(line);
      }
    },
    end() {
      if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    },
  };
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join("  "),
    )
    .join("\n");
}

/** Throws when a question could not be asked: before anything that takes time. */
export function refuseUnasked(question: string, yes: boolean): void {
  if (yes || process.stdin.isTTY) return;
  throw new UpdraftError("usage", `nobody can be asked "${question}": this is no terminal`, "Give --yes.");
}

/** Asks on a terminal; elsewhere --yes must have been given. */
export async function confirm(question: string, yes: boolean): Promise<void> {
  refuseUnasked(question, yes);
  if (yes) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    terminal.close();
  }
  throw new UpdraftError("usage", "nothing was done", "Answer y to go on.");
}

/** Says how a program failed, and sets its exit status. `answer` is what there is to tell all the same. */
export function fail(error: unknown, json: boolean, answer: object = {}): void {
  if (!(error instanceof UpdraftError)) {
    process.exitCode = 1;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (json)
      printJson({ error: { kind: "bug", message: messageOf(error), remedy: "Report this.", exitStatus: 1 } });
    process.stderr.write(`updraft: this is a fault of Updraft: ${text}\n`);
    return;
  }
  process.exitCode = error.exitStatus;
  if (json) {
    const { kind, message, remedy, exitStatus } = error;
    printJson({ ...answer, error: { kind, message, remedy, exitStatus } });
  }
  process.stderr.write(`updraft: ${error.message}\n  ${error.remedy}\n`);
}
