import { UpdraftError, messageOf } from "../core/errors.ts";
import { formatRecords, isOf, parseRecords, type Ledger } from "../core/ledger.ts";
import { lineFile } from "./line-file.ts";

/** Some ten thousand instances each, the file and the older one. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The ledger as a file of JSON lines; whoever appends holds the lock. */
export function ledgerFile(directory: string, maxBytes: number = MAX_BYTES): Ledger {
  const file = lineFile(directory, "ledger", maxBytes);
  const usable = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw new UpdraftError(
        "config",
        `the ledger in ${directory} cannot be used: ${messageOf(error)}`,
        "Run this as the directory's owner or as root; without the ledger only history is lost.",
        error,
      );
    }
  };
  return {
    async read() {
      const readings = (await usable(file.read())).map(parseRecords);
      return {
        records: readings.flatMap(({ records }) => records),
        unreadable: readings.reduce((sum, { unreadable }) => sum + unreadable, 0),
      };
    },
    async of(ids) {
      if (ids.size === 0) return [];
      return parseRecords(await usable(file.select((line) => isOf(line, ids)))).records;
    },
    append: (records) => usable(file.append(formatRecords(records))),
  };
}
