import { constants } from "node:fs";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { formatEntry, parseEntry, type Journal, type JournalEntry } from "../core/journal.ts";
import { syncDirectory, writeAtomically } from "./files.ts";

const ENTRY_FILE = /^order-([0-9a-z]{1,64})\.json$/;
const MAX_ENTRY_BYTES = 1024 * 1024;

const fileName = (orderId: string): string => `order-${orderId}.json`;

/** The journal of orders: a file for each, which is there whole or not at all. */
export function journalFile(directory: string): Journal {
  return {
    async read() {
      const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw unusable(directory, error);
      });
      const entries: JournalEntry[] = [];
      const unreadable: string[] = [];
      for (const name of names.filter((name) => name.startsWith("order-")).sort()) {
        const entry = await readEntry(join(directory, name));
        if (entry === undefined) continue;
        if (typeof entry !== "string" && fileName(entry.orderId) === name) entries.push(entry);
        else {
          const why = typeof entry === "string" ? entry : `it is of order ${entry.orderId}`;
          unreadable.push(`${join(directory, name)}: ${why}`);
        }
      }
      return { entries, unreadable };
    },
    async write(entry) {
      if (!ENTRY_FILE.test(fileName(entry.orderId))) throw new Error(`"${entry.orderId}" names no file`);
      await writeAtomically(join(directory, fileName(entry.orderId)), formatEntry(entry));
    },
    async remove(orderId) {
      try {
        await rm(join(directory, fileName(orderId)), { force: true });
        await syncDirectory(directory);
      } catch (error) {
        throw unusable(directory, error);
      }
    },
  };
}

/** Undefined when it has just been settled; a string is what is wrong with it. */
async function readEntry(path: string): Promise<JournalEntry | string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile() || facts.size > MAX_ENTRY_BYTES) return "it is no file of a journal";
      return parseEntry(await file.readFile("utf8"));
    } finally {
      await file.close();
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : messageOf(error);
  }
}

function unusable(directory: string, error: unknown): UpdraftError {
  return new UpdraftError(
    "config",
    `the journal in ${directory} cannot be used: ${messageOf(error)}`,
    "Run as root what the drop-in schedd-cron.config says about this directory.",
    error,
  );
}
