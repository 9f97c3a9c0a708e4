import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { UpdraftError } from "../core/errors.ts";
import type { Run } from "./run.ts";

/** The files that `condor_config_val -config` tells: each on a line of its own, indented, below a heading. */
export function configurationFiles(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("/"));
}

/**
 * Throws when this user may not read all of HTCondor's configuration. HTCondor leaves out such a file without a word,
 * and the limits that are written there with it.
 */
export async function checkReadable(run: Run): Promise<void> {
  const files = configurationFiles(await run("condor_config_val", ["-config"]));
  const directories = (await run("condor_config_val", ["LOCAL_CONFIG_DIR"]).catch(unset)).split(/[\s,]+/);
  const paths = [...files, ...directories.filter((path) => path.startsWith("/"))];
  const hidden = await Promise.all(paths.map(async (path) => ((await isHidden(path)) ? [path] : [])));
  const unreadable = hidden.flat();
  if (unreadable.length === 0) return;
  throw new UpdraftError(
    "denied",
    `you may not read all of HTCondor's configuration: ${unreadable.join(", ")}; what is written there would not hold for you`,
    `Ask the administrator to run: chmod a+rX ${unreadable.join(" ")}. A secret belongs in a file that the configuration only names.`,
  );
}

function unset(error: unknown): string {
  if (error instanceof UpdraftError && error.kind === "failed") return "";
  throw error;
}

async function isHidden(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === "EACCES",
  );
}
