import { parseArgs } from "node:util";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Verb } from "./verb.ts";

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
export const DRY_RUN: OptionRow = {
  name: "dry-run",
  help: "check and show the plan; change and launch nothing",
};
export const JSON_OUTPUT: OptionRow = { name: "json", help: "print the answer as JSON, errors too" };

/** Reads a verb's arguments by its table. Anything that it does not know is refused. */
export function parseOptions(
  args: readonly string[],
  { name: verb, options: rows, maxPositionals }: Pick<Verb, "name" | "options" | "maxPositionals">,
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
    const guess = nearestOption(error, rows, maxPositionals, verb);
    throw new UpdraftError("usage", usageMessage(error), `${guess}See updraft ${verb} --help.`, error);
  }
  const surplus = parsed.positionals[maxPositionals];
  if (surplus !== undefined) {
    const byOption = maxPositionals === 0 && rows.some((row) => row.name === "annex");
    throw new UpdraftError(
      "usage",
      `"${surplus}" is one argument too many`,
      `${byOption ? `Did you mean --annex ${surplus}? ` : ""}See updraft ${verb} --help.`,
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

/** The option that Node complains of, in our words; its own text when it is of another kind. */
function usageMessage(error: unknown): string {
  const text = messageOf(error);
  const option = optionIn(text);
  if (option === undefined) return text;
  if (text.startsWith("Unknown option")) return `there is no option ${option}`;
  return text.includes("does not take an argument") ? `${option} takes no value` : `${option} needs a value`;
}

/** The last name that stands in quotes: `'-n, --count <value>'` is --count. */
function optionIn(text: string): string | undefined {
  return /'(?:-\w, )?(--?[^\s'=]+)/.exec(text)?.[1];
}

function nearestOption(
  error: unknown,
  rows: readonly OptionRow[],
  maxPositionals: number,
  verb: string,
): string {
  const text = messageOf(error);
  const unknown = text.startsWith("Unknown option") ? optionIn(text) : undefined;
  if (unknown === undefined) return "";
  if (unknown === "--annex" && maxPositionals > 0) return `Did you mean updraft ${verb} NAME? `;
  const guess = nearest(
    unknown.replace(/^-+/, ""),
    rows.map((row) => row.name),
  );
  return guess === undefined ? "" : `Did you mean --${guess}? `;
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
