import { chown, mkdir, stat } from "node:fs/promises";
import { UpdraftError, messageOf } from "../core/errors.ts";

/**
 * Makes the directory of the journal and the hook when root is the first to need it. It belongs to the user that
 * HTCondor runs as, which is whoever owns the spool, and nobody else sees into it.
 */
export async function prepareStateDirectory(directory: string, spool: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  try {
    const { uid, gid } = await stat(spool);
    await mkdir(directory, { mode: 0o700 });
    await chown(directory, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw new UpdraftError(
      "config",
      `could not make ${directory}: ${messageOf(error)}`,
      `Run as root: install -d -o condor -g condor -m 700 ${directory}`,
      error,
    );
  }
}
