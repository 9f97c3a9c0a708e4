import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { UpdraftError } from "../../core/errors.ts";
import { place } from "../../sandbox/place.ts";
import { sandboxProcesses } from "../../sandbox/processes.ts";
import { attach, down, type Sandbox, state, up } from "../../sandbox/sandbox.ts";
import { holdings, leftovers } from "../../sandbox/leftovers.ts";

const MAIN = fileURLToPath(new URL("../../sandbox/main.ts", import.meta.url));
const PLAIN_IMAGE = "ami-00000000000000003";
const names = { left: `left-${process.pid}`, right: `right-${process.pid}`, half: `half-${process.pid}` };
const skip = process.getuid?.() === 0 ? false : "needs root";

describe("two sandboxes side by side", { skip, timeout: 180_000 }, () => {
  let left: Sandbox;
  let right: Sandbox;

  before(async () => {
    // One after the other only when root file systems must be built.
    left = await up({ name: names.left });
    right = await up({ name: names.right, localSlots: 1 });
  });
  after(async () => {
    for (const name of Object.values(names)) await down(name);
  });

  test("each has its own pool, its own users and its own network with the same addresses", async () => {
    const job = "condor_submit -terse -append executable=/bin/true -append 'queue 3' /dev/null";
    await left.accessPoint.run(["sh", "-c", job], { user: "alice", directory: "/tmp" });
    const idle = ["condor_q", "-allusers", "-af", "Owner", "JobStatus"];
    assert.equal(await left.accessPoint.run(idle), "alice 1\nalice 1\nalice 1\n");
    assert.equal(await right.accessPoint.run(idle), "");
    for (const { accessPoint } of [left, right])
      assert.match(await accessPoint.run(["getent", "hosts", "cm.pool.test"]), /^172\.31\.255\.10 /);
  });

  test("a job runs on slots of the access point's own when it has some", async () => {
    const job =
      "condor_submit -terse -append executable=/bin/hostname -append output=out -append 'queue' /dev/null";
    const wait = `${job} && condor_wait -wait 30 -echo /dev/null 2>/dev/null; until [ -s out ]; do sleep 0.2; done; cat out`;
    const options = { user: "bob", timeoutSeconds: 30 };
    assert.match(await right.accessPoint.run(["sh", "-c", wait], options), /cm\.pool\.test\n$/);
  });

  test("a command's output, input, environment, user, exit status and time-out are its own", async () => {
    const result = await left.accessPoint.exec(
      ["sh", "-c", 'cat; echo "$GREETING"; id -un; echo no >&2; exit 7'],
      {
        stdin: "in\n",
        environment: { GREETING: "a 'b' $c" },
        user: "bob",
      },
    );
    assert.deepEqual(result, { stdout: "in\na 'b' $c\nbob\n", stderr: "no\n", exitCode: 7, timedOut: false });
    const begun = performance.now();
    const slow = await left.accessPoint.exec(["sh", "-c", "sleep 60 & sleep 60"], { timeoutSeconds: 0.5 });
    assert.deepEqual([slow.timedOut, slow.exitCode], [true, 137]);
    assert.ok(performance.now() - begun < 5000);
    await assert.rejects(left.accessPoint.run(["false"]), UpdraftError);
    await assert.rejects(left.machine("i-0").exec(["true"]), /no machine i-0 is running/);
  });

  test("nothing in a machine can change the machine that carries the sandbox", async () => {
    const mounts = await left.accessPoint.run(["cat", "/proc/mounts"]);
    assert.match(mounts, /^proc \/proc\/sys proc ro,/m);
    const capabilities = await left.accessPoint.run(["sed", "-n", "s/^CapBnd:\t//p", "/proc/self/status"]);
    // 16 sys_module, 17 sys_rawio, 25 sys_time, 34 syslog; 22, sys_boot, is needed to power off.
    const bounding = BigInt(`0x${capabilities.trim()}`);
    assert.deepEqual(
      [16n, 17n, 25n, 34n].map((bit) => (bounding >> bit) & 1n),
      [0n, 0n, 0n, 0n],
    );
    assert.equal(await left.accessPoint.run(["condor_config_val", "ENABLE_KERNEL_TUNING"]), "False\n");
  });

  test("an instance runs its user data as root, and powering off inside ends it and nothing else", async () => {
    const userData = "#!/bin/sh\necho user data of $(id -un) on $(hostname -f)\ngetent hosts cm.pool.test\n";
    const [stays, goes] = await Promise.all([launch(left, userData), launch(left, userData)]);
    for (const id of [stays, goes])
      await eventually(async () =>
        assert.match(await left.consoleOutput(id), /user data ended with exit status 0/),
      );
    assert.match(
      await left.consoleOutput(stays),
      /user data of root on ip-172-31-\d+-\d+\.ec2\.internal\n172\.31\.255\.10 /,
    );

    const powerOff = "nohup sh -c 'sleep 0.3; systemctl poweroff --force --force' >/dev/null 2>&1 &";
    await left.machine(goes).exec(["sh", "-c", powerOff]);
    await eventually(async () => {
      const found = (await left.instances()).find(({ instanceId }) => instanceId === goes);
      assert.ok(found === undefined || found.state === "terminated", found?.state);
    });
    assert.equal(await left.machine(stays).run(["echo", "still here"]), "still here\n");
    assert.equal(await right.accessPoint.run(["echo", "still here"]), "still here\n");
  });

  test("`up` of one that is up refuses, and the command says so kindly", async () => {
    await assert.rejects(up({ name: names.left }), /is up already/);
    assert.match((await sandbox("up", "--name", names.left)).stdout, /is up already/);
    const status = JSON.parse((await sandbox("status", "--json", "--name", names.left)).stdout) as {
      state: string;
    };
    assert.equal(status.state, "up");
  });

  test("after kill -9 of the daemon nothing of it runs, its neighbour does, and `down` removes the rest", async () => {
    const { directory } = place(names.left, process.env);
    const held = await holdings(directory);
    assert.ok(held.pids.length > 10, "the test must see what it is to miss");
    assert.ok(held.namespaces.size >= 10);
    assert.notDeepEqual(leftovers(held), [], "the search must find what is there");
    const daemon = await daemonPid(directory);
    process.kill(daemon, "SIGKILL");
    await eventually(async () => assert.deepEqual(await sandboxProcesses(directory), []));
    assert.equal(await state(names.left), "dead");
    assert.equal(await down(names.left), true);
    // This machine's own process 1 may need a moment to reap.
    await eventually(async () => assert.deepEqual(leftovers(held), []), 5);
    assert.equal(await down(names.left), false);
    assert.equal(await state(names.right), "up");
  });

  test("`up` clears away what a dead one left", async () => {
    const { directory } = place(names.right, process.env);
    for (const pid of await sandboxProcesses(directory)) process.kill(pid, "SIGKILL");
    await eventually(async () => assert.equal(await state(names.right), "dead"));
    right = await up({ name: names.right });
    assert.equal(await (await attach(names.right)).accessPoint.run(["hostname"]), "cm.pool.test\n");
  });

  test("when `up` is killed in the middle, `down` leaves nothing", async () => {
    const { directory } = place(names.half, process.env);
    const child = spawn(process.execPath, [MAIN, "up", "--name", names.half], { stdio: "ignore" });
    await eventually(async () => assert.notDeepEqual(await sandboxProcesses(directory), []));
    child.kill("SIGKILL");
    await once(child, "exit");
    const held = await holdings(directory);
    assert.equal((await sandbox("down", "--name", names.half)).stdout, `Sandbox ${names.half} is down.\n`);
    await eventually(async () => assert.deepEqual(leftovers(held), []), 5);
    assert.match((await sandbox("down", "--name", names.half)).stdout, /There is no sandbox/);
  });

  test("`down` of one that is up leaves nothing", async () => {
    const held = await holdings(place(names.right, process.env).directory);
    await right.down();
    await eventually(async () => assert.deepEqual(leftovers(held), []), 5);
  });
});

function sandbox(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [MAIN, ...args]);
}

async function daemonPid(directory: string): Promise<number> {
  for (const pid of await sandboxProcesses(directory))
    if ((await readFile(`/proc/${pid}/cmdline`, "utf8")).startsWith(process.execPath)) return pid;
  throw new Error("no daemon");
}

/** RunInstances by the administrator's key, which stands in no argument. */
async function launch(sandbox: Sandbox, userData: string): Promise<string> {
  const { accessKeyId, secretAccessKey } = await sandbox.administrator();
  const parameters = {
    Action: "RunInstances",
    Version: "2016-11-15",
    ImageId: PLAIN_IMAGE,
    InstanceType: "c5.large",
    MinCount: "1",
    MaxCount: "1",
    InstanceInitiatedShutdownBehavior: "terminate",
    UserData: Buffer.from(userData).toString("base64"),
  };
  const config = [
    `url = "${(await sandbox.status()).endpoint}/"`,
    'aws-sigv4 = "aws:amz:us-east-1:ec2"',
    `user = "${accessKeyId}:${secretAccessKey}"`,
    ...Object.entries(parameters).map(([name, value]) => `data-urlencode = "${name}=${value}"`),
  ];
  const answer = await sandbox.accessPoint.run(["curl", "-sS", "-K", "-"], { stdin: config.join("\n") });
  const id = /<instanceId>(i-[0-9a-f]+)<\/instanceId>/.exec(answer)?.[1];
  assert.ok(id !== undefined, answer);
  return id;
}

async function eventually(check: () => Promise<void>, seconds = 20): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
