import { withLock } from "../../adapters/lock.ts";
import { prepareStateDirectory } from "../../adapters/state-directory.ts";
import type { Knobs } from "../../core/knobs.ts";
import type { Site } from "../../core/site.ts";

/** Longer than the hook's own run takes. */
const LOCK_SECONDS = 60;

/** Does the work while neither the hook nor another command orders. */
export async function exclusively<T>(site: Site, knobs: Knobs, work: () => Promise<T>): Promise<T> {
  await prepareStateDirectory(knobs.stateDirectory, site.spool);
  return withLock(knobs.stateDirectory, LOCK_SECONDS, work);
}
