import assert from "node:assert/strict";
import { test } from "node:test";
import { cronEnvironment, hookJob } from "../../core/cron-job.ts";

test("an environment is read in both of HTCondor's forms", () => {
  for (const [text, expected] of [
    ['"HOME=/var/lib/updraft AWS_PROFILE=hook"', { HOME: "/var/lib/updraft", AWS_PROFILE: "hook" }],
    [`"A='b c' D=e''f"`, { A: "b c", D: "ef" }],
    [`"A='it''s' B=""x"""`, { A: "it's", B: '"x"' }],
    ["A=b c;D=e", { A: "b c", D: "e" }],
    ['""', {}],
    ["", {}],
    ['"nonsense A="', { A: "" }],
  ] as const) {
    assert.deepEqual(cronEnvironment(text), expected, text);
  }
});

const settings = (values: Record<string, string>) =>
  Object.entries(values).map(([name, value]) => ({ name, value, source: "" }));

test("the hook is the job whose program is ours, whatever its name", () => {
  const found = hookJob(
    settings({
      SCHEDD_CRON_JOBLIST: "OTHER, Mine",
      SCHEDD_CRON_OTHER_EXECUTABLE: "/usr/bin/true",
      SCHEDD_CRON_MINE_EXECUTABLE: "/opt/updraft-schedd",
      SCHEDD_CRON_MINE_PREFIX: "Annex_",
      SCHEDD_CRON_MINE_PERIOD: "5m",
    }),
  );
  assert.deepEqual(found, {
    name: "Mine",
    executable: "/opt/updraft-schedd",
    prefix: "Annex_",
    periodSeconds: 300,
    environment: {},
  });
});

test("a job that is not in the list is no job, and one without a period is taken to run every minute", () => {
  const executable = { SCHEDD_CRON_MINE_EXECUTABLE: "/opt/updraft-schedd" };
  assert.equal(hookJob(settings(executable)), undefined);
  assert.equal(hookJob(settings({ ...executable, SCHEDD_CRON_JOBLIST: "MINE" }))?.periodSeconds, 60);
});
