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
const PASSWORD_FILE = "/etc/condor/passwords.d/POOL";
const TOKEN_FILE = "/etc/updraft/credentials/burst.token";
const NODE_TOKEN_FILE = "/etc/condor/tokens.d/updraft";

type Secret = { readonly name: string; readonly secret: string; readonly files: readonly string[] };

/** The whole sandbox runs below strace, which writes every program start with all of its arguments and environment. */
describe("what nodes authenticate by, a token or the pool's password,", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;
  let scratch: string;
  let trace: string;
  let secrets: readonly Secret[];
  let nodes: readonly string[];

  before(async () => {
    await down(NAME);
    scratch = await mkdtemp(join(tmpdir(), "updraft-secrets-"));
    trace = join(scratch, "execve");
    const tracer = "strace -f -q --seccomp-bpf -e trace=execve,execveat -v -s 262144 --strings-in-hex=all -o";
    sandbox = await up({ name: NAME, localSlots: 1, tracer: [...tracer.split(" "), trace] });
    const { accessPoint } = sandbox;
    const stored = await accessPoint.run(["base64", PASSWORD_FILE]);
    await setUp(sandbox, { burst: {}, old: { CREDENTIAL: "password" } });
    // What anybody may make of a token is not secret: who it is, and what it is good for. Its signature is.
    await accessPoint.run(["rm", TOKEN_FILE]);
    await succeed(accessPoint, "credential", "create", "burst");
    await succeed(accessPoint, "credential", "rotate", "burst");
    const [, , signature = ""] = (await accessPoint.run(["cat", TOKEN_FILE])).trim().split(".");
    secrets = [
      {
        name: "the pool's password",
        secret: plainPassword(Buffer.from(stored, "base64")),
        files: [PASSWORD_FILE, PASSWORD_FILE],
      },
      { name: "the token", secret: signature, files: [NODE_TOKEN_FILE, TOKEN_FILE] },
    ];
    const jobs = await submitJobs(accessPoint, { count: 2, seconds: 1, mayUseAws: true });
    await succeed(accessPoint, "create", "burst", "--count", "1", "--lease", "1h", "--yes");
    await succeed(accessPoint, "create", "old", "--count", "1", "--lease", "1h", "--yes");
    await eventually("the jobs are done", 60, async () =>
      assert.equal((await finishedJobs(accessPoint, jobs)).length, 2),
    );
    const found = [...(await instancesOf(sandbox, "burst")), ...(await instancesOf(sandbox, "old"))];
    nodes = found.map(({ id }) => id);
    assert.equal(nodes.length, 2);
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
    await sandbox.machine(nodes[0] ?? "").exec(["true", `--password=${PLANTED}`]);
    assert.ok(traceHolds(await readFile(trace, "latin1"), PLANTED), "a planted argument must be found");
    const planted = Buffer.from(`${PLANTED}2`).toString("base64");
    await sandbox.accessPoint.exec(["sh", "-c", "exec true"], { environment: { SECRET: planted } });
    assert.ok(traceHolds(await readFile(trace, "latin1"), `${PLANTED}2`), "a planted variable must be found");
    for (const { name, secret } of secrets) assert.ok(!traceHolds(started, secret), name);
  });

  test("is in one file of root's on the access point and on its node, and in no log, console or user data", async () => {
    // Below the sandbox's directory: what every machine has written, and the logs of its cloud and its own.
    for (const { name, secret, files } of secrets) {
      const found = filesHolding(sandbox.directory, secret, anyMode);
      assert.equal(found.length, files.length, `${name}: ${JSON.stringify(found)}`);
      for (const file of files)
        assert.ok(
          found.some(({ path }) => path.endsWith(file)),
          file,
        );
      assert.ok(found.every(({ mode }) => mode === 0o600));
    }
    // The node that has the token has nothing of the password.
    const [tokenNode = ""] = nodes;
    const password = filesHolding(sandbox.directory, secrets[0]?.secret ?? "", anyMode);
    assert.ok(password.every(({ path }) => !path.includes(tokenNode)));
    for (const [path, content] of [
      ["/var/log/condor/StartLog.planted", PLANTED],
      ["/var/lib/cloud/instance/planted.txt", Buffer.from(PLANTED).toString("base64")],
    ] as const) {
      await sandbox.machine(tokenNode).writeFile(path, content, { mode: "644" });
    }
    assert.equal(
      filesHolding(sandbox.directory, PLANTED, worldReadable).length,
      2,
      "planted files must be found",
    );
    for (const node of nodes) {
      const console = await eventually(`${node} says that it has joined`, 30, async () => {
        const said = await sandbox.consoleOutput(node);
        assert.match(said, /joined annex/);
        return said;
      });
      for (const { name, secret } of secrets) assert.ok(!holds(Buffer.from(console), secret), name);
    }
  });

  test("is in no file in memory on the node or the access point that is not HTCondor's own", async () => {
    for (const machine of [...nodes.map((id) => sandbox.machine(id)), sandbox.accessPoint]) {
      const search = async (secret: string): Promise<string> => {
        const patterns = Buffer.concat(spellings(secret).flatMap((one) => [one, Buffer.from("\n")]));
        const command = "LC_ALL=C grep -rlaF -f - /run /dev/shm /tmp 2>/dev/null || true";
        return (await machine.exec(["sh", "-c", command], { stdin: patterns })).stdout;
      };
      await machine.writeFile("/run/planted", PLANTED);
      assert.equal(await search(PLANTED), "/run/planted\n");
      for (const { name, secret } of secrets) assert.equal(await search(secret), "", name);
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
    for (const { name, secret } of secrets) assert.ok(!holds(before, secret), name);
    await accessPoint.run(["condor_submit", "-terse", "-"], {
      user: "alice",
      stdin: `executable = /bin/true\nhold = true\n+Planted = "${PLANTED}"\nqueue\n`,
    });
    assert.ok(holds(await ads(), PLANTED), "a planted attribute must be found");
  });
});
