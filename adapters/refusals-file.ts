import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { formatCapacityMemory, parseCapacityMemory } from "../core/capacity-memory.ts";
import { messageOf } from "../core/errors.ts";
import type { Refusals, Report } from "../core/ports.ts";
import { writeAtomically } from "./files.ts";

const FILE = "refusals.json";

/** What EC2 refused lately, in one small file of the state directory that command and hook share. */
export function refusalsFile(directory: string, report: Report): Refusals {
  const path = join(directory, FILE);
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(path, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
          report(`what EC2 refused lately cannot be read, so it is asked again: ${messageOf(error)}`);
        }
        return [];
      }
      const memory = parseCapacityMemory(text);
      if (memory === undefined) report(`${path} holds no refusals of EC2: it is forgotten`);
      return memory ?? [];
    },
    async write(memory) {
      // Not worth failing for: what was launched is in the journal.
      await writeAtomically(path, formatCapacityMemory(memory)).catch((error: unknown) =>
        report(messageOf(error)),
      );
    },
  };
}
