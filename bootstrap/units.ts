import { existsSync } from "node:fs";
import { readFile, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "../adapters/node-commands.ts";
import { directory, writeAtomically } from "../adapters/node-files.ts";
import { asset } from "./assets.ts";

const SYSTEM = "/etc/systemd/system";
/** What is linked here is started with every boot; `systemctl enable` does no more, and takes a tenth of a second. */
const WANTED = `${SYSTEM}/multi-user.target.wants`;

const UNITS = {
  "updraft-guard.service": `${SYSTEM}/updraft-guard.service`,
  "updraft-join.service": `${SYSTEM}/updraft-join.service`,
  "updraft-condor.conf": `${SYSTEM}/condor.service.d/updraft.conf`,
} as const;

export const runsSystemd = (): boolean => existsSync("/run/systemd/system");

/** Writes the units, so that a reboot brings guard, join and HTCondor back, in that order. */
export async function installUnits(command: Command): Promise<void> {
  let changed = false;
  for (const [name, path] of Object.entries(UNITS) as [keyof typeof UNITS, string][]) {
    const text = asset(name);
    if ((await readFile(path, "utf8").catch(() => "")) === text) continue;
    await directory(dirname(path), 0o755);
    await writeAtomically(path, text, 0o644);
    changed = true;
  }
  await directory(WANTED, 0o755);
  for (const name of ["updraft-guard.service", "updraft-join.service"] as const) {
    if (existsSync(`${WANTED}/${name}`)) continue;
    await symlink(UNITS[name], `${WANTED}/${name}`);
    changed = true;
  }
  if (changed) await command("systemctl", ["daemon-reload"]);
}
