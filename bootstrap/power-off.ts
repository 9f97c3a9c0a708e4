import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "../adapters/node-commands.ts";
import { runsSystemd } from "./units.ts";

const ORDERLY_SECONDS = 20;
/** A disk that no longer answers must not keep the machine on. */
const SYNC_SECONDS = 1;
const COMMAND_SECONDS = 5;

/**
 * Ends this machine: in an orderly way where systemd runs, then at once. Never `halt`, which leaves an instance
 * stopped on paper only, running and billed.
 */
export async function powerOff(
  command: Command,
  log: (line: string) => void,
  orderlySeconds = ORDERLY_SECONDS,
): Promise<void> {
  log("powering off");
  if (runsSystemd()) {
    const asked = await command("systemctl", ["--no-block", "poweroff"], "", COMMAND_SECONDS).then(
      () => true,
      () => false,
    );
    if (asked) await sleep(orderlySeconds * 1000);
  }
  await Promise.race([command("sync", []).catch(() => undefined), sleep(SYNC_SECONDS * 1000)]);
  await command("systemctl", ["poweroff", "--force", "--force"], "", COMMAND_SECONDS).catch(
    (error: unknown) => {
      log(error instanceof Error ? error.message : String(error));
    },
  );
}
