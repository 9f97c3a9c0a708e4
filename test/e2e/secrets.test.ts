import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { finishedJobs, submitJobs } from "../../sandbox/demo/jobs.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import {
  anyMode,
  filesHolding,
  holds,
  plainPassword,
  spellings,
  traceHolds,
  worldReadable,
} from "../support/secrets.ts";
import { eventually, instancesOf, setUp, succeed } from "../support/updraft.ts";

const NAME = "e2e-secrets";
const PLANTED = "Planted-0123456789abcdef-secret";
const CREDENTIAL_FILE = "/etc/condor/passwords.d/POOL";

/** The whole sandbox runs below strace, which writes every program start with all of its arguments and environment. */
describe("the pool's password", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;
  let scratch: string;
  let trace: string;
  let password: string;
  let node: string;

  before(async () => {
    await down(NAME);
    scratch = await mkdtemp(join(tmpdir(), "updraft-secrets-"));
    trace = join(scratch, "execve");
    const tracer = "strace -f -q --seccomp-bpf -e trace=execve,execveat -v -s 262144 --strings-in-hex=all -o";
    sandbox = await up({ name: NAME, localSlots: 1, tracer: [...tracer.split(" "), trace] });
    const { accessPoint } = sandbox;
    const stored = await accessPoint.run(["base64", CREDENTIAL_FILE]);
    password = plainPassword(Buffer.from(stored, "base64"));
    await setUp(sandbox, { burst: {} });
    const jobs = await submitJobs(accessPoint, { count: 2, seconds: 1, mayUseAws: true });
    await succeed(accessPoint, "create", "burst", "--count", "1", "--lease", "1h", "--yes");
    await eventually("the jobs are done", 60, async () =>
      assert.equal((await finishedJobs(accessPoint, jobs)).length, 2),
    );
    node = (await instancesOf(sandbox, "burst"))[0]?.id ?? "";
  });
  after(async () => {
    await sandbox.down();
    await rm(scratch, { recursive: true, force: true });
  });

  test("is in no argument and no environment of any program that was started", async () => {
    const started = await readFile(trace, "latin1");
    for (const program of ["/usr/bin/updraft", "updraft-bootstrap", "condor_startd"]) {
      assert.ok(traceHolds(started, program), `the trace must have seen ${program}`);
    }
    await sandbox.machine(node).exec(["true", `--password=${PLANTED}`]);
    assert.ok(traceHolds(await readFile(trace, "latin1"), PLANTED), "a planted argument must be found");
    const planted = Buffer.from(`${PLANTED}2`).toString("base64");
    await sandbox.accessPoint.exec(["sh", "-c", "exec true"], { environment: { SECRET: planted } });
    assert.ok(traceHolds(await readFile(trace, "latin1"), `${PLANTED}2`), "a planted variable must be found");
    assert.ok(!traceHolds(started, password));
  });

  test("is in one file of root's on the access point and on the node, and in no log, console or user data", async () => {
    // Below the sandbox's directory: what every machine has written, and the logs of its cloud and its own.
    const found = filesHolding(sandbox.directory, password, anyMode);
    assert.equal(found.length, 2, JSON.stringify(found));
    for (const { path, mode } of found) {
      assert.ok(path.endsWith(CREDENTIAL_FILE), path);
      assert.equal(mode, 0o600);
    }
    for (const [path, content] of [
      ["/var/log/condor/StartLog.planted", PLANTED],
      ["/var/lib/cloud/instance/planted.txt", Buffer.from(PLANTED).toString("base64")],
    ] as const) {
      await sandbox.machine(node).writeFile(path, content, { mode: "644" });
    }
    assert.equal(
      filesHolding(sandbox.directory, PLANTED, worldReadable).length,
      2,
      "planted files must be found",
    );
    const console = await sandbox.consoleOutput(node);
    assert.match(console, /joined annex burst/);
    assert.ok(!holds(Buffer.from(console), password));
  });

  test("is in no file in memory on the node or the access point that is not HTCondor's own", async () => {
    for (const machine of [sandbox.machine(node), sandbox.accessPoint]) {
      const search = async (secret: string): Promise<string> => {
        const patterns = Buffer.concat(spellings(secret).flatMap((one) => [one, Buffer.from("\n")]));
        const command = "LC_ALL=C grep -rlaF -f - /run /dev/shm /tmp 2>/dev/null || true";
        return (await machine.exec(["sh", "-c", command], { stdin: patterns })).stdout;
      };
      await machine.writeFile("/run/planted", PLANTED);
      assert.equal(await search(PLANTED), "/run/planted\n");
      assert.equal(await search(password), "");
    }
  });

  test("is in no ad of the pool, the queue or the history, and in no tag of an instance", async () => {
    const { accessPoint } = sandbox;
    const ads = async (): Promise<Buffer> => {
      const commands = ["condor_status -any -long", "condor_q -allusers -long", "condor_history -long"];
      const texts = await Promise.all(commands.map((command) => accessPoint.run(command.split(" "))));
      return Buffer.from(texts.join("\n") + JSON.stringify(await sandbox.instances()));
    };
    const before = await ads();
    assert.ok(before.includes('AnnexName = "burst"'));
    assert.ok(!holds(before, password));
    await accessPoint.run(["condor_submit", "-terse", "-"], {
      user: "alice",
      stdin: `executable = /bin/true\nhold = true\n+Planted = "${PLANTED}"\nqueue\n`,
    });
    assert.ok(holds(await ads(), PLANTED), "a planted attribute must be found");
  });
});
