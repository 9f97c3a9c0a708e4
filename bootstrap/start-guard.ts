import { existsSync } from "node:fs";
import { detach, type Command } from "../adapters/node-commands.ts";
import { writeAtomically } from "../adapters/node-files.ts";
import { asset } from "./assets.ts";
import { ownProgram } from "./own-program.ts";

const UNIT = "updraft-guard.service";

/** Started again whenever it ends, and spared when memory runs out: what the unit says where there is no systemd. */
const KEEPER = 'echo -1000 >/proc/self/oom_score_adj; while :; do "$@"; sleep 1; done';

/** The guard lives on its own, before HTCondor starts and whatever becomes of it. */
export async function startGuard(command: Command): Promise<void> {
  if (existsSync("/run/systemd/system")) {
    await writeAtomically(`/etc/systemd/system/${UNIT}`, asset("updraft-guard.service"), 0o644);
    await command("systemctl", ["daemon-reload"]);
    await command("systemctl", ["enable", "--now", UNIT]);
    return;
  }
  detach("/bin/sh", ["-c", KEEPER, "updraft-guard", ...ownProgram(), "guard"]);
}
