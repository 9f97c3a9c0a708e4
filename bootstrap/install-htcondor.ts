import { existsSync } from "node:fs";
import { isSea } from "node:sea";
import { directory, writeAtomically } from "../adapters/node-files.ts";
import type { Command } from "../adapters/node-commands.ts";
import { asset } from "./assets.ts";

const MASTER = "/usr/sbin/condor_master";
const DIRECTORY = "/usr/libexec/updraft";
const PROGRAM = `${DIRECTORY}/updraft-bootstrap`;
const SCRIPT = `${DIRECTORY}/install.sh`;
const LOG = "/var/log/updraft-install.log";
/** The boot's own limit is what counts; a package manager that hangs longer than this is tried again. */
const INSTALL_SECONDS = 1800;
/** All that it says goes to a log; what it says last is why it failed. */
const INSTALL = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null || { tail -n 3 "$log" >&2; exit 1; }';

/** Makes a node of a machine that is no image of ours, by what makes images; nothing is done where HTCondor is. */
export async function installHtcondor(command: Command, source: string): Promise<void> {
  if (existsSync(MASTER)) return;
  await directory(DIRECTORY, 0o755);
  await writeAtomically(SCRIPT, asset("install.sh"), 0o755);
  const program = isSea() ? process.execPath : PROGRAM;
  const install = [SCRIPT, "--instance", "--htcondor", source, program];
  await command("/bin/sh", ["-c", INSTALL, "install.sh", LOG, ...install], "", INSTALL_SECONDS);
}
