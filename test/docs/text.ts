import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export const read = (path: string): string => readFileSync(`${ROOT}/${path}`, "utf8");

/** Every page of documentation, by its path in the project. */
export const PAGES = globSync(["*.md", "docs/**/*.md"], { cwd: ROOT }).sort();

/** The text of the section with this heading, up to the next heading of the same level. */
export function section(text: string, heading: string): string {
  const level = /^#+ /.exec(heading)?.[0] ?? "";
  const parts = `\n${text}`.split(`\n${level}`);
  return parts.find((part) => part.startsWith(`${heading.slice(level.length)}\n`)) ?? "";
}

/** Lines of code blocks, continued lines joined. */
export function codeLines(text: string): string[] {
  return [...text.matchAll(/^ *```\n(.*?)^ *```$/gms)].flatMap(([, block]) =>
    (block ?? "").replace(/\\\n/g, " ").split("\n"),
  );
}

/** Rows of the tables whose first heading is this, as cells without code quotes; an escaped | is not a border. */
export function tableRows(text: string, firstHeading: string): string[][] {
  const rows: string[][] = [];
  let heading = "";
  for (const line of text.split("\n")) {
    if (!line.startsWith("|")) heading = "";
    else if (heading === "") heading = cells(line)[0] ?? "";
    else if (heading === firstHeading && !/^\|[-|]+$/.test(line)) rows.push(cells(line));
  }
  return rows;
}

function cells(line: string): string[] {
  return line
    .slice(1, -1)
    .split("|")
    .map((cell) => cell.trim());
}
