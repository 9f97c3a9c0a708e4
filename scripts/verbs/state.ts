import { homedir } from "node:os";
import { withLock } from "../../adapters/lock.ts";
import {
  ownStateDirectory,
  prepareOwnStateDirectory,
  prepareStateDirectory,
} from "../../adapters/state-directory.ts";
import type { Knobs } from "../../core/knobs.ts";
import type { Site } from "../../core/site.ts";

/** Longer than the hook's own run takes. */
const LOCK_SECONDS = 60;

export const uid = (): number => process.getuid?.() ?? 0;

/** Where an ordinary user's journal is. */
export const ownDirectory = (): string => ownStateDirectory(process.env, homedir());

/** Does the work while neither the hook nor another command orders; an ordinary user's: no other command of theirs. */
export async function exclusively<T>(site: Site, knobs: Knobs, work: () => Promise<T>): Promise<T> {
  const directory = knobs.stateDirectory;
  if (uid() !== 0 && directory === ownDirectory()) await prepareOwnStateDirectory(directory, uid());
  else await prepareStateDirectory(directory, site.spool);
  return withLock(directory, LOCK_SECONDS, work);
}
