import { chown, stat } from "node:fs/promises";
import { existsSync } from "node:fs";
import { formatDisks, listDisks, mountScratch } from "../adapters/node-disks.ts";
import type { Command } from "../adapters/node-commands.ts";
import { messageOf } from "../core/errors.ts";
import { planScratch, type ScratchPlan } from "../core/node-disks.ts";

/** EXECUTE, as condor-config/node.config has it. */
export const EXECUTE_DIRECTORY = "/var/lib/condor/execute";

/**
 * Puts the instance's own disks below the jobs' scratch directories. A node is one without them too, so that what goes
 * wrong here is told and ends nothing.
 */
export async function mountLocalDisks(command: Command, log: (line: string) => void): Promise<void> {
  try {
    const plan = planScratch(await listDisks(command));
    if (plan.kind === "none") {
      if (plan.why !== undefined) log(`local disks are not used: ${plan.why}`);
      return;
    }
    const { uid, gid } = await stat(EXECUTE_DIRECTORY);
    const device = plan.kind === "mount" ? plan.path : await makeScratch(command, plan, log);
    await mountScratch(command, device, EXECUTE_DIRECTORY);
    await chown(EXECUTE_DIRECTORY, uid, gid);
    // With SELinux a fresh file system has no labels, and HTCondor may not write where there are none.
    if (existsSync("/sys/fs/selinux/enforce")) await command("restorecon", [EXECUTE_DIRECTORY]);
    log(`${device} is mounted on ${EXECUTE_DIRECTORY}`);
  } catch (error) {
    log(`local disks are not used: ${messageOf(error)}`);
  }
}

/** Several disks become one where mdadm is; else the largest has to do. */
async function makeScratch(
  command: Command,
  { paths }: Extract<ScratchPlan, { kind: "format" }>,
  log: (line: string) => void,
): Promise<string> {
  if (paths.length > 1) {
    try {
      return await formatDisks(command, paths);
    } catch (error) {
      log(
        `${paths.length} local disks cannot be one, so ${paths[0] ?? ""} alone is used: ${messageOf(error)}`,
      );
    }
  }
  return formatDisks(command, paths.slice(0, 1));
}
