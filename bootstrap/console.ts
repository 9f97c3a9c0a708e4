import { closeSync, constants, openSync, writeSync } from "node:fs";

/** A line for whoever looks later: standard output (cloud-init's log) and the instance's console. */
export function console(line: string): void {
  const text = `updraft-bootstrap: ${line}\n`;
  process.stdout.write(text);
  try {
    const device = openSync(
      "/dev/console",
      constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    try {
      writeSync(device, text);
    } finally {
      closeSync(device);
    }
  } catch {
    // A machine without a console, or with one that nobody reads, has the line in its log.
  }
}
