import { UpdraftError, messageOf } from "../core/errors.ts";
import { formatTicks, parseTicks, type TickHistory } from "../core/tick-history.ts";
import { lineFile } from "./line-file.ts";

/** A week of one annex, a run a minute; and the older file has as much. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The runs of the hook as a file of JSON lines; the hook alone appends, and holds the lock. */
export function tickHistoryFile(directory: string, maxBytes: number = MAX_BYTES): TickHistory {
  const file = lineFile(directory, "ticks", maxBytes);
  return {
    async read() {
      try {
        return (await file.read()).flatMap(parseTicks);
      } catch (error) {
        throw new UpdraftError(
          "denied",
          `the history of the hook's runs in ${directory} cannot be read: ${messageOf(error)}`,
          "Run this as root, or as the user that HTCondor runs as.",
          error,
        );
      }
    },
    append: (records) => file.append(formatTicks(records)),
  };
}
