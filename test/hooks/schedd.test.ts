import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../core/version.ts";
import { GOOD_KNOBS } from "../support/knobs.ts";

const HOOK = fileURLToPath(new URL("../../hooks/schedd.ts", import.meta.url));

type Ran = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs the hook as a process, with programs of HTCondor that say what the test wants. No cloud answers. */
async function hook(
  t: TestContext,
  programs: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  state?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran & { readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), "updraft-schedd-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [name, script] of Object.entries(programs)) {
    const text = script.replaceAll("DIRECTORY", directory);
    await writeFile(join(directory, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(directory, name), 0o755);
  }
  await writeFile(join(directory, ".schedd_classad"), 'MyType = "Scheduler"\nName = "cm.pool.test"\n');
  if (state !== undefined) await writeFile(join(directory, "state.json"), state);
  const script = `import { schedd } from ${JSON.stringify(HOOK)}; process.exitCode = await schedd(${JSON.stringify(args)});`;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--input-type=module", "-e", script],
      {
        env: {
          PATH: `${directory}:/usr/bin:/bin`,
          HOME: directory,
          AWS_EC2_METADATA_DISABLED: "true",
          AWS_ENDPOINT_URL: "http://127.0.0.1:9",
          AWS_ACCESS_KEY_ID: "key",
          AWS_SECRET_ACCESS_KEY: "a-secret-of-the-test",
          ...environment,
        },
      },
      (error, stdout, stderr) =>
        resolve({ status: typeof error?.code === "number" ? error.code : 0, stdout, stderr, directory }),
    );
  });
}

const KNOBS = {
  ...GOOD_KNOBS,
  UPDRAFT_STATE_DIR: "DIRECTORY",
  SPOOL: "DIRECTORY",
  FULL_HOSTNAME: "cm.pool.test",
  UID_DOMAIN: "pool.test",
  CONDOR_HOST: "cm.pool.test",
};

const configured = (knobs: Readonly<Record<string, string>> = KNOBS): string =>
  Object.entries(knobs)
    .map(([name, value]) => `echo '${name} = ${value}'; echo ' # at: test'`)
    .join("\n");

const STATE = JSON.stringify({
  format: 1,
  annexes: { burst: { attributes: { JobsIdle: 7 }, memory: { joined: {}, idleSince: {} } } },
});

/** Every line that HTCondor would read is one attribute with a value of a type. */
function wellFormed(stdout: string): void {
  for (const line of stdout.trimEnd().split("\n")) {
    assert.match(line, /^[A-Za-z]\w* = (undefined|true|false|-?\d[\d.e+-]*|"(?:[^"\\]|\\["\\])*")$/);
  }
}

test("help and version are printed, and an argument that it does not know is refused", async (t) => {
  assert.match((await hook(t, {}, ["--help"])).stdout, /SCHEDD_CRON_UPDRAFT_EXECUTABLE/);
  assert.equal((await hook(t, {}, ["--version"])).stdout, `updraft-schedd ${VERSION}\n`);
  const { status, stderr } = await hook(t, {}, ["--nonsense"]);
  assert.equal(status, 2);
  assert.match(stderr, /Try updraft-schedd --help/);
});

test("without HTCondor's configuration it says so", async (t) => {
  const { status, stdout } = await hook(t, { condor_config_val: "echo 'broken\n\"' >&2; exit 1" });
  assert.equal(status, 1);
  wellFormed(stdout);
  assert.match(stdout, /^LastError = "condor_config_val ended with status 1: broken \\""$/m);
});

test("with garbage for configuration it says which knobs are missing", async (t) => {
  const { status, stdout } = await hook(t, {
    condor_config_val: "head -c 3000 /dev/urandom | base64; echo 'UPDRAFT_ANNEXES = B!'",
  });
  assert.equal(status, 1);
  wellFormed(stdout);
  assert.match(stdout, /^LastError = ".*UPDRAFT_ANNEXES/m);
});

test("when nothing answers, the last good attributes stand with the reason, and no file is left but its own", async (t) => {
  const programs = {
    condor_config_val: configured(),
    classad_eval: "exit 0",
    condor_status: "exit 1",
    condor_q: "exit 1",
  };
  const { status, stdout, stderr, directory } = await hook(t, programs, [], STATE);
  assert.equal(status, 1, stderr);
  wellFormed(stdout);
  assert.match(stdout, /^burst_JobsIdle = 7$/m);
  assert.match(stdout, /^burst_Ordered = 0$/m);
  assert.match(stdout, /^burst_LimitedBy = "(Collector|Setup)"$/m);
  assert.ok(!`${stdout}${stderr}`.includes("a-secret-of-the-test"));
  assert.deepEqual(
    (await readdir(directory)).sort(),
    [...Object.keys(programs), ".schedd_classad", "lock", "state.json", "ticks.jsonl"].sort(),
  );
});

test("a state file that is garbage, or of another version, is as none", async (t) => {
  for (const state of ["", "{", '{"format":2,"annexes":{"burst":{"attributes":{"JobsIdle":7}}}}']) {
    const programs = { condor_config_val: configured(), classad_eval: "exit 0", condor_status: "exit 1" };
    const { stdout } = await hook(t, programs, [], state);
    wellFormed(stdout);
    assert.doesNotMatch(stdout, /JobsIdle/);
    assert.match(stdout, /^burst_LastError = "/m);
  }
});

test("a state directory that is not there is told with what makes it", async (t) => {
  const knobs = configured({ ...KNOBS, UPDRAFT_STATE_DIR: "DIRECTORY/none" });
  const { status, stdout } = await hook(t, { condor_config_val: knobs, classad_eval: "exit 0" });
  assert.equal(status, 1);
  assert.match(stdout, /^burst_LastError = "could not open .*\/none\/lock: ENOENT/m);
});

const BEFORE_ANY_QUESTION = {
  classad_eval: "exit 0",
  condor_status: "exit 1",
  condor_q: "touch DIRECTORY/asked",
};

/** What the hook says of annex burst, which it must have asked no schedd about. */
async function refused(
  t: TestContext,
  knobs: Readonly<Record<string, string>>,
  ...rest: [state?: string, environment?: Readonly<Record<string, string>>]
): Promise<string> {
  const programs = { ...BEFORE_ANY_QUESTION, condor_config_val: configured(knobs) };
  const { status, stdout, directory } = await hook(t, programs, [], ...rest);
  assert.equal(status, 1);
  wellFormed(stdout);
  assert.ok(!(await readdir(directory)).includes("asked"));
  return stdout;
}

test("of two schedds with one ad file, neither is asked in the other's stead", async (t) => {
  const said = await refused(t, { ...KNOBS, SCHEDD_NAME: "other@cm.pool.test" });
  assert.match(
    said,
    /^burst_LastError = ".*\/\.schedd_classad is of schedd cm\.pool\.test, and this is schedd other@/m,
  );
  const none = await refused(t, { ...KNOBS, SCHEDD_DAEMON_AD_FILE: "DIRECTORY/none" });
  assert.match(none, /^burst_LastError = "nobody can tell which schedd would be asked: ENOENT/m);
});

test("the state of another schedd is neither published nor written over", async (t) => {
  const state = STATE.replace("{", '{"schedd":"other@cm.pool.test",');
  const said = await refused(t, KNOBS, state);
  assert.match(said, /^burst_LastError = "the state in .* is of schedd other@cm\.pool\.test/m);
  assert.doesNotMatch(said, /JobsIdle/);
});

test("a schedd that does not say which of several it is gets no answer", async (t) => {
  const said = await refused(t, KNOBS, undefined, { SCHEDD_CRON_NAME: "schedd" });
  assert.match(said, /^LastError = "a schedd has started this that does not say which it is/m);
});
