import { createInterface } from "node:readline/promises";
import { UpdraftError, messageOf } from "../core/errors.ts";

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

/** Asks on a terminal; elsewhere --yes must have been given. */
export async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw new UpdraftError("usage", `nobody can be asked "${question}": this is no terminal`, "Give --yes.");
  }
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
