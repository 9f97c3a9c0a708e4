import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SandboxMachine } from "../../sandbox/sandbox.ts";

const run = promisify(execFile);
const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

let library: Promise<Buffer> | undefined;

/** Puts the library onto a machine; returns its path there. */
export async function installFakeClock(machine: SandboxMachine): Promise<string> {
  library ??= fetchLibrary();
  await machine.writeFile(LIBRARY, await library, { mode: "755" });
  return LIBRARY;
}

/** Debian's libfaketime, fetched once; it is not installed on this machine. */
async function fetchLibrary(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), "updraft-faketime-"));
  try {
    await run("sh", ["-c", "apt-get -q download libfaketime && dpkg-deb -x libfaketime_*.deb ."], {
      cwd: directory,
    });
    return await readFile(`${directory}${LIBRARY}`);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** From now on every program that starts on this machine takes it to be so many seconds later (or earlier) than it is. */
export async function fakeClock(machine: SandboxMachine, seconds: number): Promise<void> {
  await installFakeClock(machine);
  await machine.writeFile("/etc/faketimerc", `${seconds < 0 ? "-" : "+"}${Math.abs(seconds)}\n`);
  await machine.writeFile("/etc/ld.so.preload", `${LIBRARY}\n`);
}
