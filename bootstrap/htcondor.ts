import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { daemon, type Command } from "../adapters/node-commands.ts";
import { UpdraftError } from "../core/errors.ts";

const MASTER = "/usr/sbin/condor_master";

export function requireHtcondor(): void {
  if (existsSync(MASTER) && existsSync("/etc/condor")) return;
  throw new UpdraftError(
    "config",
    `the image has no HTCondor: there is no ${existsSync(MASTER) ? "/etc/condor" : MASTER}`,
    "Set the annex's _IMAGE_ID to an image with HTCondor in it, such as bootstrap/image/install.sh makes.",
  );
}

/** By systemd where it runs, so that it is the service that administrators know; else directly. */
export async function startHtcondor(command: Command): Promise<void> {
  if (existsSync("/run/systemd/system")) await command("systemctl", ["start", "condor"]);
  else if (!(await masterRuns())) await daemon(MASTER);
}

async function masterRuns(): Promise<boolean> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(
    // A process may end while it is being looked at.
    processes.map((id) => readFile(`/proc/${id}/comm`, "utf8").catch(() => "")),
  );
  return names.some((name) => name.trim() === "condor_master");
}
