import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "../adapters/node-commands.ts";

const ORDERLY_SECONDS = 20;

/**
 * Ends this machine: in an orderly way where systemd runs, then at once. Never `halt`, which leaves an instance
 * stopped on paper only, running and billed.
 */
export async function powerOff(command: Command, log: (line: string) => void): Promise<void> {
  log("powering off");
  if (existsSync("/run/systemd/system")) {
    const asked = await command("systemctl", ["poweroff"]).then(
      () => true,
      () => false,
    );
    if (asked) await sleep(ORDERLY_SECONDS * 1000);
  }
  await command("sync", []).catch(() => undefined);
  await command("systemctl", ["poweroff", "--force", "--force"]).catch((error: unknown) => {
    log(error instanceof Error ? error.message : String(error));
  });
}
