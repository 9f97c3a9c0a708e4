import { openSync } from "node:fs";
import { dirname } from "node:path";
import { flock } from "../adapters/flock.ts";
import { directory } from "../adapters/node-files.ts";

const LOCK = "/run/updraft/join.lock";

/** Waits until no other join runs on this machine; none will until this process has ended. */
export async function beAlone(waitSeconds: number): Promise<void> {
  await directory(dirname(LOCK), 0o755);
  await flock(openSync(LOCK, "a", 0o600), LOCK, waitSeconds);
}
