import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { clearDrafts, shareWithOwner } from "./files.ts";
import { flock } from "./flock.ts";

const LOCK_FILE = "lock";

/**
 * Runs the work while no other run of hook or command works in the directory; waits for it so long, and gives up
 * with an error. The kernel frees the lock when this process ends, however it ends.
 */
export async function withLock<T>(
  directory: string,
  waitSeconds: number,
  work: () => Promise<T>,
): Promise<T> {
  const path = join(directory, LOCK_FILE);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600).catch((error: unknown) => {
    throw new UpdraftError(
      "config",
      `could not open ${path}: ${messageOf(error)}`,
      "Run as root what the drop-in schedd-cron.config says about this directory.",
      error,
    );
  });
  try {
    await shareWithOwner(directory, file);
    await flock(file.fd, path, waitSeconds);
    await clearDrafts(directory);
    return await work();
  } finally {
    await file.close();
  }
}
