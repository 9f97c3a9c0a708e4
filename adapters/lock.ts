import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { clearDrafts, shareWithOwner } from "./files.ts";

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
    await lock(file, path, waitSeconds);
    await clearDrafts(directory);
    return await work();
  } finally {
    await file.close();
  }
}

/** flock(2) locks what is opened, not the process: the program locks our descriptor for us and ends. */
async function lock(file: FileHandle, path: string, waitSeconds: number): Promise<void> {
  const child = spawn("flock", ["--exclusive", "--timeout", String(waitSeconds), "3"], {
    stdio: ["ignore", "ignore", "ignore", file.fd],
  });
  const [status] = (await once(child, "exit").catch((error: unknown) => {
    throw new UpdraftError(
      "config",
      `could not run flock: ${messageOf(error)}`,
      "Install util-linux.",
      error,
    );
  })) as [number | null];
  if (status === 0) return;
  throw new UpdraftError(
    "failed",
    `another run of Updraft holds ${path}`,
    "Wait until it has ended, then run the same command again.",
  );
}
