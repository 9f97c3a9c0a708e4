import { readFile } from "node:fs/promises";
import { UpdraftError, messageOf } from "../core/errors.ts";
import type { Site } from "../core/site.ts";

/**
 * Throws unless HTCondor's programs would ask this very schedd: they find it by a file that the schedd keeps, and of
 * two schedds that keep the same, either may be found.
 */
export async function checkAsked({ schedd, scheddAdFile }: Site): Promise<void> {
  const ad = await readFile(scheddAdFile, "utf8").catch((error: unknown) => {
    throw refusal(`nobody can tell which schedd would be asked: ${messageOf(error)}`, error);
  });
  const name = /^Name = "([^"]*)"$/m.exec(ad)?.[1];
  if (name === schedd) return;
  throw refusal(`${scheddAdFile} is of schedd ${name ?? "without a name"}, and this is schedd ${schedd}`);
}

function refusal(message: string, cause?: unknown): UpdraftError {
  return new UpdraftError(
    "config",
    message,
    "Give each schedd a SPOOL and a SCHEDD_DAEMON_AD_FILE of its own, as docs/hook.md says of several schedds.",
    cause,
  );
}
