import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { userData } from "../../core/user-data.ts";

const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const SCRIPTS = {
  "user data": userData({
    annex: "burst",
    bucket: "updraft-bucket",
    region: "us-east-1",
    roleId: "AROATEST",
    programSha256: "a".repeat(64),
    bootSeconds: 300,
    htcondorSource: "distribution",
  }),
  "bootstrap/image/install.sh": file("bootstrap/image/install.sh"),
  "condor-config/node-shutdown.sh": file("condor-config/node-shutdown.sh"),
};

const none =
  spawnSync("shellcheck", ["--version"]).error !== undefined && "needs shellcheck, which npm test installs";

describe("what a node's shell runs", { skip: none }, () => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    // Not every distribution's shell is Debian's, and most of them cannot be tried here.
    it(`is nothing but POSIX shell: ${name}`, () => {
      const { status, stdout } = spawnSync("shellcheck", ["--shell=sh", "-"], {
        input: script,
        encoding: "utf8",
      });
      assert.equal(status, 0, stdout);
    });
  }
});
