import { command } from "../adapters/node-commands.ts";
import { uptime } from "../adapters/uptime.ts";
import { readSettings } from "./guard-files.ts";
import { ownProgram } from "./own-program.ts";

const RUN_SECONDS = 120;

/**
 * Looks every so often whether the annex's credential has been replaced, the first time a whole interval after the
 * start. In a program of its own: what speaks to S3 would stay in the memory of the guard.
 */
export function credentialWatch(): () => Promise<void> {
  let looked = uptime();
  return async () => {
    const seconds = (await readSettings())?.source?.everySeconds;
    if (seconds === undefined || uptime() - looked < seconds) return;
    looked = uptime();
    const [program, ...args] = ownProgram();
    await command(program, [...args, "credential"], "", RUN_SECONDS);
  };
}
