import assert from "node:assert/strict";
import { test } from "node:test";
import { readAccessPoint } from "../../core/access-point.ts";
import { settings } from "../support/knobs.ts";

const here = (changes: Record<string, string>, wrong?: string) => ({
  settings: async () => [
    ...settings(changes),
    { name: "FULL_HOSTNAME", value: "cm.pool.test", source: "<Default>" },
    { name: "UID_DOMAIN", value: "pool.test", source: "<Default>" },
    { name: "CONDOR_HOST", value: "cm.pool.test", source: "<Default>" },
  ],
  expressionError: async () => wrong,
});

test("pool and knobs are read together", async () => {
  const { site, knobs } = await readAccessPoint(here({}));
  assert.equal(site.pool, "pool.test");
  assert.deepEqual(
    knobs.annexes.map(({ name }) => name),
    ["burst"],
  );
});

test("HTCondor judges every expression, and one that is wrong by itself is told once", async () => {
  await assert.rejects(readAccessPoint(here({ UPDRAFT_burst_JOBS: "A +" }, "HTCondor cannot parse it")), {
    kind: "config",
    message: /UPDRAFT_burst_JOBS = A \+ .*a ClassAd expression, but HTCondor cannot parse it/,
  });
  await assert.rejects(readAccessPoint(here({ UPDRAFT_burst_JOBS: "(A" }, "HTCondor cannot parse it")), {
    message: /^UPDRAFT_burst_JOBS = \(A [^\n]*$/,
  });
});

test("HTCondor is not asked every minute about the opt-in that the drop-in has", async () => {
  const wrong = "HTCondor cannot parse it";
  await readAccessPoint(here({ UPDRAFT_OPT_IN: "MY.MayUseAWS =?= true" }, wrong));
  await assert.rejects(readAccessPoint(here({ UPDRAFT_OPT_IN: "MY.MayUseAWS" }, wrong)), {
    message: /OPT_IN/,
  });
});
