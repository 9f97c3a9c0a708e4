import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { daemon, type Command } from "../adapters/node-commands.ts";
import { UpdraftError } from "../core/errors.ts";
import { IMAGE_RECORD_PATH, readImageRecord, type ImageRecord } from "../core/image-record.ts";
import { checkHtcondorVersion, htcondorVersion } from "../core/node-version.ts";
import { runsSystemd } from "./units.ts";

const MASTER = "/usr/sbin/condor_master";

/** What the image holds; throws unless a node can be made of its HTCondor. */
export async function requireHtcondor(command: Command): Promise<ImageRecord> {
  if (existsSync(MASTER) && existsSync("/etc/condor")) {
    const record = readImageRecord(await readFile(IMAGE_RECORD_PATH, "utf8").catch(() => ""));
    checkHtcondorVersion(record.htcondor ?? htcondorVersion(await command("condor_version", [])));
    return record;
  }
  throw new UpdraftError(
    "config",
    `the image has no HTCondor: there is no ${existsSync(MASTER) ? "/etc/condor" : MASTER}`,
    "Set the annex's _IMAGE_ID to an image with HTCondor in it, such as bootstrap/image/install.sh makes, or its _HTCONDOR to where it can be had.",
  );
}

/** By systemd where it runs, so that it is the service that administrators know; else directly. */
export async function startHtcondor(command: Command): Promise<void> {
  if (runsSystemd()) await command("systemctl", ["start", "condor"]);
  else if ((await masterProcess()) === undefined) await daemon(MASTER);
}

/** Process id of condor_master; undefined when there is none. */
export async function masterProcess(): Promise<number | undefined> {
  for (const id of await readdir("/proc")) {
    if (!/^\d+$/.test(id)) continue;
    // A process may end while it is being looked at.
    const status = await readFile(`/proc/${id}/status`, "utf8").catch(() => "");
    // One that has ended and that nobody has reaped is none.
    if (/^Name:\tcondor_master$/m.test(status) && !/^State:\tZ/m.test(status)) return Number(id);
  }
  return undefined;
}
