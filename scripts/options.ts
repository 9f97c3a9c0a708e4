import { parseArgs } from "node:util";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";

/** One row of a verb's table, which is both how it is parsed and its help. */
export type OptionRow = {
  readonly name: string;
  readonly short?: string;
  /** What stands for the value; absent for a switch. */
  readonly value?: string;
  readonly several?: boolean;
  readonly help: string;
};

export type Options = {
  text(name: string): string | undefined;
  texts(name: string): string[];
  is(name: string): boolean;
  readonly positionals: readonly string[];
};

export const YES: OptionRow = { name: "yes", help: "do it without asking" };
export const JSON_OUTPUT: OptionRow = { name: "json", help: "print the answer as JSON, errors too" };

/** Reads arguments by the table. Anything that it does not know is refused. */
export function parseOptions(
  args: readonly string[],
  rows: readonly OptionRow[],
  maxPositionals: number,
): Options {
  const withHelp = [...rows, { name: "help", short: "h", help: "" }];
  let parsed;
  try {
    parsed = parseArgs({
      args: joinNegativeValues(args, rows),
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries(
        withHelp.map((row) => [
          row.name,
          {
            type: row.value === undefined ? ("boolean" as const) : ("string" as const),
            multiple: row.several ?? false,
            ...(row.short !== undefined && { short: row.short }),
          },
        ]),
      ),
    });
  } catch (error) {
    throw new UpdraftError("usage", usageMessage(error), hint(args, rows), error);
  }
  if (parsed.positionals.length > maxPositionals) {
    throw new UpdraftError(
      "usage",
      `"${parsed.positionals[maxPositionals] ?? ""}" is one argument too many`,
      "See --help.",
    );
  }
  const values = parsed.values as Record<string, string | boolean | string[] | undefined>;
  return {
    text: (name) => (typeof values[name] === "string" ? values[name] : undefined),
    texts: (name) => (Array.isArray(values[name]) ? values[name] : []),
    is: (name) => values[name] === true,
    positionals: parsed.positionals,
  };
}

function usageMessage(error: unknown): string {
  return messageOf(error)
    .replace(/\. .*$/, "")
    .replace(/^./, (first) => first.toLowerCase());
}

function hint(args: readonly string[], rows: readonly OptionRow[]): string {
  const unknown = args.find(
    (arg) =>
      arg.startsWith("--") &&
      !rows.some((row) => arg === `--${row.name}` || arg.startsWith(`--${row.name}=`)),
  );
  const guess =
    unknown &&
    nearest(
      unknown.replace(/^--|=.*$/g, ""),
      rows.map((row) => row.name),
    );
  return guess === undefined || guess === "" ? "See --help." : `Did you mean --${guess}? See --help.`;
}

/** `--count -1` means what `--count=-1` says; parseArgs alone would take it for two options. */
function joinNegativeValues(args: readonly string[], rows: readonly OptionRow[]): string[] {
  const result: string[] = [];
  for (const arg of args) {
    const before = result.at(-1);
    if (/^-\d/.test(arg) && rows.some((row) => row.value !== undefined && before === `--${row.name}`)) {
      result[result.length - 1] = `${before ?? ""}=${arg}`;
    } else {
      result.push(arg);
    }
  }
  return result;
}

export function optionHelp(rows: readonly OptionRow[]): string {
  const cells = [...rows, { name: "help", short: "h", help: "show this" }].map((row) => [
    `  ${row.short === undefined ? "" : `-${row.short}, `}--${row.name}${"value" in row && row.value !== undefined ? ` ${row.value}` : ""}`,
    row.help,
  ]);
  const width = Math.max(...cells.map(([left]) => left?.length ?? 0));
  return cells.map(([left, right]) => `${(left ?? "").padEnd(width)}  ${right ?? ""}`).join("\n");
}
