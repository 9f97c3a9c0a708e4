import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { UpdraftError } from "../core/errors.ts";
import { SYSTEM_PATH } from "./run.ts";

const PATIENCE_MILLISECONDS = 1000;

/** Holds a directory's lock while `work` runs. The kernel frees it when this process ends, however it ends. */
export async function withLock<T>(directory: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const holder = spawn("flock", ["--exclusive", directory, "sh", "-c", "echo locked; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: SYSTEM_PATH },
    // In a group of its own, so that Ctrl-C does not free the lock before we are done.
    detached: true,
  });
  const exited = once(holder, "exit");
  const timer = setTimeout(onWait, PATIENCE_MILLISECONDS);
  try {
    const locked = await Promise.race([
      once(holder.stdout, "data").then(() => true),
      exited.then(() => false),
    ]);
    clearTimeout(timer);
    if (!locked)
      throw new UpdraftError(
        "failed",
        `cannot lock ${directory}`,
        "Look whether the directory still exists.",
      );
    return await work();
  } finally {
    clearTimeout(timer);
    holder.stdin.end();
    await exited;
  }
}
