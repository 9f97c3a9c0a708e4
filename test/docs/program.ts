import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../scripts/main.ts", import.meta.url));

export type VerbHelp = { readonly verb: string; readonly options: readonly string[] };

/** What `updraft` says of its own verbs and options. */
export function verbs(): VerbHelp[] {
  const names = [...help().matchAll(/^ {2}([a-z]+) {2}/gm)].map(([, name]) => name ?? "");
  return names.map((verb) => ({
    verb,
    options: [...help(verb).matchAll(/^ {2}(?:-(\w), )?--([a-z-]+)/gm)].flatMap(([, short, long]) => [
      `--${long ?? ""}`,
      ...(short === undefined ? [] : [`-${short}`]),
    ]),
  }));
}

/** The help of `updraft`, or of one verb. */
export function help(...verb: string[]): string {
  const { stdout, status } = spawnSync(process.execPath, [MAIN, ...verb, "--help"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`updraft ${verb.join(" ")} --help ended with status ${status}`);
  return stdout;
}
