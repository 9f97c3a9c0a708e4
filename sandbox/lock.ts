import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { UpdraftError } from "../core/errors.ts";
import { SYSTEM_PATH } from "./run.ts";

const PATIENCE_MILLISECONDS = 1000;

/** Holds a directory's lock while `work` runs; `onWait` hears when another holds it for long. The kernel frees it when this process ends, however it ends. */
export async function withLock<T>(directory: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const timer = setTimeout(onWait, PATIENCE_MILLISECONDS);
  const release = await lock(directory, "--exclusive").finally(() => clearTimeout(timer));
  if (release === undefined)
    throw new UpdraftError("failed", `cannot lock ${directory}`, "Look whether the directory still exists.");
  return work().finally(release);
}

/** Does the work only when nobody holds the directory's lock now. */
export async function unlessLocked(directory: string, work: () => Promise<void>): Promise<void> {
  const release = await lock(directory, "--nonblock");
  if (release !== undefined) await work().finally(release);
}

/** What gives the lock back; undefined when it cannot be had. */
async function lock(
  directory: string,
  how: "--exclusive" | "--nonblock",
): Promise<(() => Promise<void>) | undefined> {
  const holder = spawn("flock", [how, directory, "sh", "-c", "echo locked; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: SYSTEM_PATH },
    // In a group of its own, so that Ctrl-C does not free the lock before we are done.
    detached: true,
  });
  const exited = once(holder, "exit");
  const locked = await Promise.race([once(holder.stdout, "data").then(() => true), exited.then(() => false)]);
  if (!locked) return undefined;
  return async () => {
    holder.stdin.end();
    await exited;
  };
}
