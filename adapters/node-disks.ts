import { stat } from "node:fs/promises";
import { UpdraftError } from "../core/errors.ts";
import { LSBLK_COLUMNS, SCRATCH_ARRAY, SCRATCH_LABEL } from "../core/node-disks.ts";
import type { Command } from "./node-commands.ts";

/** Making a file system on a large disk takes seconds; a disk that takes longer does not work. */
const FORMAT_SECONDS = 60;

/** What `planScratch` reads. */
export function listDisks(command: Command): Promise<string> {
  return command("lsblk", ["--json", "--bytes", "--output", LSBLK_COLUMNS]);
}

/** Makes one file system of blank disks and returns its device. The kernel says last whether they really are blank. */
export async function formatDisks(command: Command, paths: readonly string[]): Promise<string> {
  for (const path of paths) await requireBlank(command, path);
  const [first = ""] = paths;
  const device = paths.length === 1 ? first : await stripe(command, paths);
  // What stands there is worth nothing after a crash, so no journal; nothing is zeroed or trimmed that need not be.
  const options = ["-q", "-m", "0", "-O", "^has_journal", "-E", "nodiscard,lazy_itable_init=1"];
  await command("mkfs.ext4", [...options, "-L", SCRATCH_LABEL, device], "", FORMAT_SECONDS);
  return device;
}

export async function mountScratch(command: Command, device: string, directory: string): Promise<void> {
  await command("mount", ["-t", "ext4", "-o", "nosuid,nodev,noatime", device, directory]);
}

async function requireBlank(command: Command, path: string): Promise<void> {
  if (!(await stat(path)).isBlockDevice()) throw notBlank(path, "it is no block device");
  const signatures = (await command("wipefs", ["--no-act", "--noheadings", "--output", "TYPE", path])).trim();
  if (signatures === "" || signatures === "linux_raid_member") return;
  throw notBlank(path, `there is ${signatures.replace(/\s+/g, " ")} on it`);
}

/** Several disks as one, striped: losing one loses all of it, and the instance is no more then anyway. */
async function stripe(command: Command, paths: readonly string[]): Promise<string> {
  const device = `/dev/md/${SCRATCH_ARRAY}`;
  const shape = ["--level=0", `--raid-devices=${paths.length}`, `--name=${SCRATCH_ARRAY}`, "--homehost=any"];
  await command("mdadm", ["--create", device, "--run", "--quiet", ...shape, ...paths], "", FORMAT_SECONDS);
  return device;
}

function notBlank(path: string, why: string): UpdraftError {
  return new UpdraftError(
    "failed",
    `${path} is not formatted: ${why}`,
    "Look at the disk on the instance with lsblk and wipefs.",
  );
}
