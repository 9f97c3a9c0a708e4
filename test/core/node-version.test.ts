import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHtcondorVersion, htcondorVersion } from "../../core/node-version.ts";

test("HTCondor's version is read from what condor_version says", () => {
  const said = "$CondorVersion: 23.9.6 2024-08-08 BuildID: 747060 $\n$CondorPlatform: x86_64_Debian13 $\n";
  assert.equal(htcondorVersion(said), "23.9.6");
  assert.equal(htcondorVersion("condor_version: not found"), undefined);
});

test("an HTCondor that is too old, or says nothing that can be read, is refused with what to do", () => {
  for (const version of ["23.0.0", "23.9.6", "24.0.1", "25.11.2", "100.0.0"]) checkHtcondorVersion(version);
  for (const [version, message] of [
    ["10.9.0", /has HTCondor 10\.9\.0, and 23\.0 is the oldest/],
    ["22.12.1", /has HTCondor 22\.12\.1/],
    ["9.0.17", /has HTCondor 9\.0\.17/],
    ["", /does not say its version \(""\)/],
    ["new", /"new"/],
    [undefined, /does not say/],
  ] as const) {
    assert.throws(() => checkHtcondorVersion(version), { kind: "config", message, remedy: /_IMAGE_ID/ });
  }
});
