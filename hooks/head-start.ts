import { condor } from "../adapters/condor.ts";
import { run } from "../adapters/run.ts";
import type { Setting } from "../core/knobs.ts";
import { localName } from "../core/local-name.ts";
import { SETTINGS } from "../core/site.ts";

/**
 * The schedd's knobs, asked for when this module is loaded: imported first, while the rest of the program still loads,
 * which takes as long. Undefined when the program is not started for a look.
 */
export const settings: Promise<readonly Setting[]> | undefined =
  process.argv.length > 2 ? undefined : asked();

async function asked(): Promise<readonly Setting[]> {
  return condor(run(), localName(process.env)).settings(SETTINGS);
}

// Whoever awaits it learns of a failure.
settings?.catch(() => undefined);
