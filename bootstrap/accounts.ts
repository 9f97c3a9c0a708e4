import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { existsSync } from "node:fs";
import type { Command } from "../adapters/node-commands.ts";
import { slotAccount } from "../core/node-config.ts";

/** Slots are made as jobs ask for CPUs; there are at least so many accounts, and one per CPU. */
const FEWEST_SLOT_ACCOUNTS = 8;
const MOST_SLOT_ACCOUNTS = 512;
const SYSUSERS = "/usr/bin/systemd-sysusers";

/** Makes the slots' accounts that the image does not have yet; the number of slots that have one of their own. */
export async function createAccounts(command: Command): Promise<number> {
  const count = Math.min(MOST_SLOT_ACCOUNTS, Math.max(FEWEST_SLOT_ACCOUNTS, availableParallelism()));
  const present = new Set(
    (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":")[0]),
  );
  const missing = Array.from({ length: count + 1 }, (_, slot) => slotAccount(slot)).filter(
    (name) => !present.has(name),
  );
  if (missing.length === 0) return count;
  if (existsSync(SYSUSERS)) {
    const lines = missing.map((name) => `u ${name} - "HTCondor slot" / /usr/sbin/nologin\n`);
    await command(SYSUSERS, ["-"], lines.join(""));
  } else {
    for (const name of missing) {
      await command("useradd", ["-r", "-U", "-M", "-d", "/", "-s", "/usr/sbin/nologin", name]);
    }
  }
  return count;
}
