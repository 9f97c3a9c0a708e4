import { constants } from "node:fs";
import { open, readFile, rename, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { formatRecords, parseRecords, type Ledger } from "../core/ledger.ts";
import { shareWithOwner } from "./files.ts";

const FILE = "ledger.jsonl";
const OLDER_FILE = "ledger.1.jsonl";
/** A full file becomes the older one, and what was the older one is forgotten: some ten thousand instances each. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The ledger as a file of JSON lines; whoever appends holds the lock. */
export function ledgerFile(directory: string, maxBytes: number = MAX_BYTES): Ledger {
  const path = join(directory, FILE);
  const older = join(directory, OLDER_FILE);
  return {
    async read() {
      const readings = await Promise.all(
        [older, path].map(async (file) => parseRecords(await readFile(file, "utf8").catch(absent))),
      );
      return {
        records: readings.flatMap(({ records }) => records),
        unreadable: readings.reduce((sum, { unreadable }) => sum + unreadable, 0),
      };
    },
    async append(records) {
      try {
        if ((await size(path)) >= maxBytes) await rename(path, older);
        const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
        const file = await open(path, flags, 0o600);
        try {
          await shareWithOwner(directory, file);
          // A line that was torn must not swallow the next one.
          const gap = (await endsLine(file)) ? "" : "\n";
          await file.appendFile(gap + formatRecords(records));
        } finally {
          await file.close();
        }
      } catch (error) {
        throw unusable(error);
      }
    },
  };

  function absent(error: NodeJS.ErrnoException): string {
    if (error.code === "ENOENT") return "";
    throw unusable(error);
  }

  function unusable(error: unknown): UpdraftError {
    return new UpdraftError(
      "config",
      `the ledger in ${directory} cannot be used: ${messageOf(error)}`,
      "Run this as the directory's owner or as root; without the ledger only history is lost.",
      error,
    );
  }
}

async function size(path: string): Promise<number> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );
  if (file === undefined) return 0;
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function endsLine(file: FileHandle): Promise<boolean> {
  const { size: length } = await file.stat();
  if (length === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, length - 1);
  return buffer[0] === 0x0a;
}
