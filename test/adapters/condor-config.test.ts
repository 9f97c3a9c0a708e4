import assert from "node:assert/strict";
import { test } from "node:test";
import { checkReadable, configurationFiles } from "../../adapters/condor-config.ts";
import { UpdraftError } from "../../core/errors.ts";

const SAID =
  "Configuration source:\n\t/etc/condor/condor_config\nLocal configuration sources:\n\t/etc/condor/config.d/10-pool.config\n\n";

test("the files of HTCondor's configuration are read from what it tells of them", () => {
  assert.deepEqual(configurationFiles(SAID), [
    "/etc/condor/condor_config",
    "/etc/condor/config.d/10-pool.config",
  ]);
});

test("a file that is not there hides nothing, and neither does a directory that is not set", async () => {
  const failed = new UpdraftError("failed", "condor_config_val ended with status 1: Not defined", "");
  await checkReadable(async (_, [argument]) => {
    if (argument === "-config") return SAID.replaceAll("/etc", "/nowhere");
    throw failed;
  });
});

test("that HTCondor is missing is not hidden", async () => {
  const missing = new UpdraftError("config", "no HTCondor on PATH", "");
  await assert.rejects(
    checkReadable(async (_, [argument]) => {
      if (argument === "-config") return "";
      throw missing;
    }),
    missing,
  );
});
