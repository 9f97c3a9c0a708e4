import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** What a campaign has found so far: with a file it outlives the campaign, one JSON line each. */
export type Results<T> = { readonly rows: T[]; add(row: T): void };

export function results<T>(file: string | undefined): Results<T> {
  const written = file !== undefined && existsSync(file) ? readFileSync(file, "utf8") : "";
  // The last line may have been cut short when the campaign was killed.
  const whole = written.slice(0, written.lastIndexOf("\n") + 1);
  const rows = whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
  return {
    rows,
    add(row) {
      rows.push(row);
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`);
    },
  };
}
