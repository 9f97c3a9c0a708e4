import { spawn } from "node:child_process";
import { once } from "node:events";
import { UpdraftError, messageOf } from "../core/errors.ts";

/**
 * Locks what is open as this descriptor; waits for it so long, and gives up with an error. The kernel frees it when it is
 * closed or its process ends, however that ends. flock(2) locks what is opened, not the process: the program locks our
 * descriptor for us and ends.
 */
export async function flock(descriptor: number, path: string, waitSeconds: number): Promise<void> {
  const child = spawn("flock", ["--exclusive", "--timeout", String(waitSeconds), "3"], {
    stdio: ["ignore", "ignore", "ignore", descriptor],
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
