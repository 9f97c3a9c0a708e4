import { annexKnobs, configureAnnexes, type AnnexKnobs } from "../../sandbox/demo/annex.ts";
import type { CloudSettings } from "../../sandbox/cloud/ports.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";

export const ANNEX = "burst";

/** A sandbox with one annex set up in it, taken down after the work, whatever becomes of it. */
export async function withPool<T>(
  name: string,
  knobs: AnnexKnobs,
  settings: Partial<CloudSettings>,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  await down(name);
  const sandbox = await up({ name, settings });
  try {
    await configureAnnexes(sandbox.accessPoint, { [ANNEX]: { ...(await annexKnobs(sandbox)), ...knobs } });
    await updraft(sandbox, "setup", "--region", "us-east-1");
    await updraft(sandbox, "setup", "--annex", ANNEX);
    return await work(sandbox);
  } finally {
    await sandbox.down();
  }
}

export async function updraft(sandbox: Sandbox, ...args: readonly string[]): Promise<string> {
  return sandbox.accessPoint.run(["updraft", ...args], { timeoutSeconds: 600 });
}

/** Kills the guard of a node, found by its arguments; with its keeper, which would start it again, when asked. */
export const KILL_GUARD = `
for directory in /proc/[0-9]*; do
  arguments=$(tr "\\0" " " <"$directory/cmdline" 2>/dev/null) || continue
  case $arguments in
    "/bin/sh -c "*" updraft-guard "*) [ "$1" != keeper ] || kill -9 "\${directory#/proc/}" ;;
    */updraft-bootstrap" guard ") kill -9 "\${directory#/proc/}" ;;
  esac
done`;
