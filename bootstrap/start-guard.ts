import { detach, type Command } from "../adapters/node-commands.ts";
import { ownProgram } from "./own-program.ts";
import { runsSystemd } from "./units.ts";

/** Started again whenever it ends, and spared when memory runs out: what the unit says where there is no systemd. */
const KEEPER = 'echo -1000 >/proc/self/oom_score_adj; while :; do "$@"; sleep 1; done';
/** Keeper and guard hold it as long as one of them lives, so that there is one guard however often join is run. */
const LOCK = "/run/updraft/guard.lock";

/** The guard lives on its own, before HTCondor starts and whatever becomes of it. */
export async function startGuard(command: Command): Promise<void> {
  if (runsSystemd()) {
    await command("systemctl", ["start", "updraft-guard.service"]);
    return;
  }
  const keeper = ["/bin/sh", "-c", KEEPER, "updraft-guard", ...ownProgram(), "guard"];
  detach("flock", ["--nonblock", "--no-fork", LOCK, ...keeper]);
}
