import assert from "node:assert/strict";

/** A command of a page's transcript, who gives it, and what the page says that it prints. */
export type Step = { readonly who: string; readonly command: string; readonly output: readonly string[] };

const PROMPT = /^([a-z]+)[$#] (.*)$/;

/** The steps of all code blocks, in order; a here-document belongs to its command. */
export function steps(page: string): Step[] {
  const found: { who: string; command: string; output: string[] }[] = [];
  for (const [, block = ""] of page.matchAll(/^```\n(.*?)^```$/gms)) {
    let end: string | undefined;
    for (const line of block.split("\n").slice(0, -1)) {
      const last = found.at(-1);
      const prompt = PROMPT.exec(line);
      if (end !== undefined && last !== undefined) {
        last.command += `\n${line}`;
        if (line === end) end = undefined;
      } else if (prompt !== null) {
        const [, who = "", command = ""] = prompt;
        found.push({ who, command, output: [] });
        end = /<<'(\w+)'$/.exec(command)?.[1];
      } else last?.output.push(line);
    }
  }
  return found;
}

/** What differs in every run and names something, so that it must be the same thing wherever it is named. */
const NAMES = [
  /\b(?:i|lt|sg|subnet)-[0-9a-f]{17}\b/,
  /\bupdraft-bucket-[0-9a-f]{12}\b/,
  /\bupdraft-(?!bucket-)[\w-]+-[0-9A-F]{12}\b/,
  /\b(?:[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})\b/,
];
const NAME = new RegExp(NAMES.map(({ source }) => source).join("|"), "g");
/** Lines that come or not, or come again, as time has it. */
const PASSING = /^(\d+[smh])+: |_IN_PROGRESS$|still ending$|^(empt(ying|ied)|deleting) the (bucket|stack) /;

/** A line without what differs in every run: names, times, durations, addresses, amounts, sizes, widths of columns. */
function masked(line: string): string {
  return line
    .replace(NAME, "NAME")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "TIME")
    .replace(/\b(?:\d+[dhms])+\b/g, "DURATION")
    .replace(/\b\d+\.\d+\.\d+\.\d+\b/g, "ADDRESS")
    .replace(/\b\d+\.\d{2,}\b/g, "AMOUNT")
    .replace(/\d+ MB/g, "SIZE")
    .replace(/\s+/g, " ")
    .trim();
}

/** What this run calls what the page names. */
export type Names = Map<string, string>;

/** The page's command with the names of this run. */
export function commandNow(step: Step, names: Names): string {
  return step.command.replace(NAME, (name) => names.get(name) ?? name);
}

/** Learns from a command's output what this run calls what the page names; throws when a thing was called otherwise before. */
export function learn(step: Step, printed: readonly string[], names: Names): void {
  for (const kind of NAMES) {
    const named = (lines: readonly string[]) =>
      lines.flatMap((line) => line.match(new RegExp(kind, "g")) ?? []);
    const here = named(printed);
    for (const [i, name] of named(step.output).entries()) {
      const now = here[i];
      if (now === undefined) continue;
      assert.equal(now, names.get(name) ?? now, `${step.command}: ${name} is another than before`);
      names.set(name, now);
    }
  }
}

/** Throws unless this run has printed what the page says. */
export function compare(step: Step, printed: readonly string[]): void {
  const telling = (lines: readonly string[]) =>
    lines.filter((line) => !PASSING.test(line.trim())).map(masked);
  assert.deepEqual(telling(printed), telling(step.output), step.command);
}

/** The page with what this run was told and has printed, in the order of its steps. */
export function rewritten(
  page: string,
  ran: readonly { readonly command: string; readonly printed: readonly string[] }[],
): string {
  const all = steps(page);
  let at = 0;
  return page.replace(/^```\n(.*?)^```$/gms, (block) => {
    const count = steps(block).length;
    if (count === 0) return block;
    const lines = all.slice(at, at + count).flatMap(({ who }, i) => {
      const { command = "", printed = [] } = ran[at + i] ?? {};
      return [`${who}${who === "root" || who === "host" ? "#" : "$"} ${command}`, ...printed];
    });
    at += count;
    return ["```", ...lines, "```"].join("\n");
  });
}
