import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { PROJECT } from "../support/on-instance.ts";

const UNIT = `${PROJECT}/condor-config/updraft-guard.service`;
const PROGRAM = "/usr/libexec/updraft/updraft-bootstrap";

const analyze = ((): boolean => {
  try {
    execFileSync("systemd-analyze", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test(
  "systemd finds nothing to say against the guard's unit",
  { skip: !analyze && "no systemd-analyze" },
  async () => {
    const root = await mkdtemp(join(tmpdir(), "updraft-unit-"));
    try {
      // A root of its own, in which the program exists and what systemd itself brings does too.
      await mkdir(`${root}${PROGRAM.slice(0, PROGRAM.lastIndexOf("/"))}`, { recursive: true });
      await writeFile(`${root}${PROGRAM}`, "#!/bin/sh\n", { mode: 0o755 });
      await mkdir(`${root}/usr/lib/systemd`, { recursive: true });
      await promisify(execFile)("cp", ["-r", "/lib/systemd/system", `${root}/usr/lib/systemd/system`]);
      await mkdir(`${root}/etc/systemd/system`, { recursive: true });
      await writeFile(`${root}/etc/systemd/system/updraft-guard.service`, await readFile(UNIT));
      const { stdout, stderr } = await promisify(execFile)("systemd-analyze", [
        "verify",
        "--man=no",
        "--recursive-errors=no",
        `--root=${root}`,
        "updraft-guard.service",
      ]);
      assert.equal(stdout + stderr, "");
    } finally {
      await rm(root, { recursive: true });
    }
  },
);
