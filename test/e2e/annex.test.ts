import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { S3_AS_ROLE } from "../../bench/campaigns/s3-as-role.ts";
import { updateInterval } from "../../core/node-config.ts";
import { finishedJobs, submitJobs } from "../../sandbox/demo/jobs.ts";
import { annexKnobs, configureAnnexes, imageId } from "../../sandbox/demo/annex.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../../sandbox/sandbox.ts";
import { eventually, instancesOf, setUp, succeed, updraft, type Instance } from "../support/updraft.ts";

const NAME = "e2e-annex";

describe("an annex from set-up to nothing left", { timeout: 600_000 }, () => {
  let sandbox: Sandbox;
  let bucket: string;

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME, localSlots: 1 });
    await sandbox.accessPoint.configure("30-local.config", "START = TARGET.MayUseAWS =!= True\n");
    bucket = await setUp(sandbox, { burst: {}, other: { INSTANCE_TYPES: "m5.large, t3.large" } });
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  test("setting up again changes nothing and says so", async () => {
    assert.match(await succeed(sandbox.accessPoint, "setup", "--region", "us-east-1"), /nothing to change/);
    assert.match(await succeed(sandbox.accessPoint, "setup", "--annex", "burst"), /nothing to change/);
  });

  test("a dry run says what would happen and launches nothing", async () => {
    const said = await succeed(sandbox.accessPoint, "create", "burst", "--count", "3", "--dry-run");
    assert.match(said, /order: 3 × on-demand, of m5\.large/);
    assert.match(said, /nothing was changed or launched/);
    assert.deepEqual(await sandbox.instances(), []);
  });

  test("three instances join by themselves, and only jobs that asked for it run there", async () => {
    const { accessPoint } = sandbox;
    const optedIn = await submitJobs(accessPoint, { count: 24, seconds: 1, mayUseAws: true });
    const others = await submitJobs(accessPoint, { count: 6, seconds: 1, mayUseAws: false });
    const created = JSON.parse(
      await succeed(accessPoint, "create", "burst", "--count", "3", "--lease", "1h", "--yes", "--json"),
    ) as { instances: Instance[] };
    assert.equal(created.instances.length, 3);
    assert.ok(created.instances.every(({ progress }) => ["joined", "claimed"].includes(progress)));
    const ids = created.instances.map(({ id }) => id).sort();
    await eventually("every job is done", 120, async () => {
      assert.equal((await finishedJobs(accessPoint, optedIn)).length, 24);
      assert.equal((await finishedJobs(accessPoint, others)).length, 6);
    });
    const done = await finishedJobs(accessPoint, optedIn);
    assert.ok(done.every(({ exitCode, annex }) => exitCode === "0" && annex === "burst"));
    assert.deepEqual([...new Set(done.map(({ instanceId }) => instanceId))].sort(), ids);
    assert.ok((await finishedJobs(accessPoint, others)).every(({ annex }) => annex === "undefined"));
  });

  test("a node publishes its lease, its order and what it is", async () => {
    const out = await sandbox.accessPoint.run([
      "condor_status",
      "-constraint",
      'AnnexName =?= "burst" && PartitionableSlot',
      "-af:,",
      "AnnexLeaseExpiration",
      "AnnexOrderId",
      "CloudInstanceID",
      "CloudVMType",
      "AnnexName",
    ]);
    const rows = out.trim().split("\n");
    assert.equal(rows.length, 3);
    for (const row of rows) {
      const [lease, order, instance, type, annex] = row.split(",").map((cell) => cell.trim());
      const seen = (await sandbox.instances()).find(({ instanceId }) => instanceId === instance);
      assert.equal(lease, seen?.tags["htcondor:LeaseExpiration"]);
      assert.equal(order, seen?.tags["htcondor:OrderId"]);
      assert.deepEqual([type, annex], ["m5.large", "burst"]);
    }
  });

  test("the pool itself holds how long each step took from the order to the slot", async () => {
    const steps = [
      "OrderedAt",
      "BootUserData",
      "BootIdentity",
      "BootConfiguration",
      "BootHtcondorStarted",
      "BootAccepted",
    ];
    await eventually("the times of the whole boot are published", 60, async () => {
      const attributes = steps.map((name) => `Annex${name}`);
      const slots = ["-constraint", 'AnnexName =?= "burst" && PartitionableSlot', "-af", ...attributes];
      const rows = (await sandbox.accessPoint.run(["condor_status", ...slots])).trim().split("\n");
      assert.equal(rows.length, 3);
      for (const row of rows) {
        const times = row.split(" ").map(Number);
        assert.deepEqual(
          times.toSorted((a, b) => a - b),
          times,
          row,
        );
        assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) < 120, row);
      }
    });
  });

  test("nobody can open a connection to a node: whoever wants to reach HTCondor there is called back", async () => {
    const { accessPoint } = sandbox;
    for (const { id } of await instancesOf(sandbox, "burst")) {
      const constraint = `CloudInstanceID =?= "${id}" && PartitionableSlot`;
      assert.match(
        await accessPoint.run(["condor_status", "-constraint", constraint, "-af", "MyAddress"]),
        /CCBID=/,
      );
      const address =
        (await sandbox.instances()).find(({ instanceId }) => instanceId === id)?.privateIp ?? "";
      const knock = (host: string) =>
        accessPoint.exec(["timeout", "2", "bash", "-c", `: < /dev/tcp/${host}/9618`]);
      assert.equal((await knock(address)).exitCode, 124);
      assert.equal((await knock("127.0.0.1")).exitCode, 0);
    }
  });

  test("a node's role reads its own annex, and is refused another's and the list of the bucket", async () => {
    await succeed(sandbox.accessPoint, "create", "other", "--count", "1", "--lease", "1h", "--yes");
    for (const [own, foreign] of [
      ["burst", "other"],
      ["other", "burst"],
    ] as const) {
      const node = sandbox.machine((await instancesOf(sandbox, own))[0]?.id ?? "");
      const s3 = async (method: string, key: string): Promise<string> =>
        (await node.run(["sh", "-c", `${S3_AS_ROLE} s3 ${method} '${bucket}${key}'`])).trim();
      const manifest = `/annexes/${own}/annex.ini`;
      assert.equal(await s3("GET", manifest), "200");
      const credential = (
        await node.run(["sed", "-n", "/credential/,$ s/^sha256=//p", "/tmp/s3.out"])
      ).trim();
      assert.match(credential, /^[0-9a-f]{64}$/);
      assert.equal(await s3("GET", `/annexes/${own}/credential/${credential}`), "200");
      assert.equal(await s3("GET", `/annexes/${foreign}/annex.ini`), "403");
      assert.equal(await s3("GET", `/annexes/${foreign}/credential/${credential}`), "403");
      assert.equal(await s3("GET", "?list-type=2"), "403");
      assert.equal(await s3("PUT", manifest), "403");
      assert.equal(await s3("DELETE", manifest), "403");
    }
  });

  test("a job is refused the metadata service that root on the same node may ask", async () => {
    const { accessPoint } = sandbox;
    const ask = (address: string): string =>
      `curl -s -o /dev/null -w '%{http_code}' -m 3 -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' 'http://${address}/latest/api/token' || echo " refused $?"; echo`;
    const both = `${ask("169.254.169.254")}\n${ask("[fd00:ec2::254]")}\n`;
    const alice = { mode: "755", owner: "alice", group: "alice" };
    await accessPoint.writeFile("/home/alice/ask.sh", `#!/bin/sh\nid -un\n${both}`, alice);
    const description = [
      "executable = ask.sh",
      "output = ask.out",
      "+MayUseAWS = true",
      "request_cpus = 1",
      "request_memory = 64",
      "request_disk = 1024",
      "should_transfer_files = yes",
      "queue\n",
    ].join("\n");
    const asAlice = { user: "alice", directory: "/home/alice", stdin: description };
    const [cluster = ""] = (await accessPoint.run(["condor_submit", "-terse", "-"], asAlice)).split(".");
    await eventually("the job is done", 60, async () =>
      assert.equal((await finishedJobs(accessPoint, cluster)).length, 1),
    );
    const [ran] = await finishedJobs(accessPoint, cluster);
    const lines = (await accessPoint.run(["cat", "/home/alice/ask.out"])).split("\n").filter(Boolean);
    assert.match(lines[0] ?? "", /^updraft-slot\d+$/);
    assert.match(lines[1] ?? "", /^000 refused \d+$/);
    assert.match(lines[2] ?? "", /^000 refused \d+$/);
    const answers = await sandbox.machine(ran?.instanceId ?? "").run(["sh", "-c", both]);
    assert.deepEqual(answers.split("\n").filter(Boolean), ["200", "200"]);
  });

  test("an image without our programs fetches them from the bucket with its role", async () => {
    await setUp(sandbox, { burst: { IMAGE_ID: imageId("htcondor") }, other: {} });
    const said = await succeed(sandbox.accessPoint, "create", "burst", "--count", "1", "--yes", "--json");
    const { instances } = JSON.parse(said) as { instances: Instance[] };
    assert.equal(instances[0]?.progress, "joined");
  });

  test("an instance without a claimed slot for its idle time ends itself, before a first job and after one", async () => {
    const { accessPoint } = sandbox;
    await setUp(sandbox, { burst: {}, other: {} });
    const idle = 20;
    const terms = ["--count", "2", "--idle", `${idle}s`, "--yes", "--json"];
    const { instances } = JSON.parse(await succeed(accessPoint, "create", "burst", ...terms)) as {
      instances: Instance[];
    };
    const [busy = "", unused = ""] = instances.map(({ id }) => id);
    // A part of the slot is claimed for longer than the idle time, and the rest of it by nobody.
    const description = [
      "executable = /bin/sleep",
      "transfer_executable = false",
      `arguments = ${idle + 5}`,
      "request_cpus = 1",
      "request_memory = 64",
      "request_disk = 1024",
      "should_transfer_files = yes",
      "+MayUseAWS = true",
      `requirements = CloudInstanceID == "${busy}"`,
      "queue\n",
    ].join("\n");
    const submitted = await accessPoint.run(["condor_submit", "-terse", "-"], {
      user: "alice",
      stdin: description,
    });
    const ended = async (id: string): Promise<number> => {
      const entry = (await sandbox.terminationLog()).find(({ instanceId }) => instanceId === id);
      assert.equal(entry?.by, "instance");
      return entry?.time ?? 0;
    };
    await eventually(`${unused} is gone`, 90, () => ended(unused));
    const off = await eventually(`${busy} is gone`, 90, () => ended(busy));
    const history = [
      "condor_history",
      submitted.split(".")[0] ?? "",
      "-af",
      "CompletionDate",
      "NumJobStarts",
    ];
    const [completed, starts] = (await accessPoint.run(history)).trim().split(" ").map(Number);
    assert.equal(starts, 1);
    const after = off - (completed ?? 0);
    // HTCondor looks whether something is claimed as often as it updates its ads, and counts from its last look that found it so.
    const least = idle - updateInterval(idle) - 1;
    assert.ok(after > least && after < idle + 20, `it ended ${after} s after its job`);
    const seen = (await sandbox.instances()).find(({ instanceId }) => instanceId === busy);
    assert.ok(seen === undefined || seen.state !== "running");
  });

  test("stopping HTCondor's service does not power the node off", async () => {
    const id = (await instancesOf(sandbox, "other"))[0]?.id ?? "";
    await sandbox.machine(id).run(["sh", "-c", "kill -TERM $(pgrep -x condor_master)"]);
    await eventually("HTCondor has ended", 30, async () => {
      assert.equal((await sandbox.machine(id).exec(["pgrep", "-x", "condor_master"])).exitCode, 1);
    });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.equal((await sandbox.instances()).find(({ instanceId }) => instanceId === id)?.state, "running");
  });

  test("a node that is rebooted joins again as the same node", async () => {
    const id = (await instancesOf(sandbox, "other"))[0]?.id ?? "";
    const node = sandbox.machine(id);
    const identity = [
      "sh",
      "-c",
      "condor_config_val -dump STARTD_ATTRS Cloud NETWORK_HOSTNAME | grep -v '^#'; id updraft-slot1",
    ];
    const before = await node.run(identity);
    await node.exec(["systemctl", "reboot", "--force", "--force"]);
    await eventually("the machine has come up again", 30, async () => {
      assert.equal((await node.exec(["test", "-e", "/run/updraft"])).exitCode, 1);
    });
    // What systemd's unit runs; here is none. EC2 does not run user data again.
    await node.run(["/usr/libexec/updraft/updraft-bootstrap", "rejoin"], { timeoutSeconds: 60 });
    await eventually("its slot is there", 30, async () => {
      const constraint = `CloudInstanceID =?= "${id}" && time() - DaemonStartTime < 60`;
      assert.notEqual(
        await sandbox.accessPoint.run(["condor_status", "-constraint", constraint, "-af", "Name"]),
        "",
      );
    });
    assert.equal(await node.run(identity), before);
    assert.equal(
      (await node.run(["pgrep", "-fc", "^/usr/libexec/updraft/updraft-bootstrap guard$"])).trim(),
      "1",
    );
  });

  test("nodes that are reached directly are open to the pool's machines alone, and only once set-up has said so", async () => {
    const { accessPoint } = sandbox;
    const [closed] = await instancesOf(sandbox, "other");
    const common = await annexKnobs(sandbox);
    const own = (await accessPoint.run(["hostname", "-i"])).trim().split(" ")[0] ?? "";
    const direct = { ...common, PUBLIC_IP: "true", DIRECT_FROM: `${own}/32` };
    await configureAnnexes(accessPoint, { burst: common, other: direct });
    const create = ["create", "other", "--count", "1", "--lease", "1h", "--yes"];
    const early = await updraft(accessPoint, create);
    assert.equal(early.exitCode, 3);
    assert.match(early.stderr, /DIRECT_FROM is not in effect.*\n.*setup --annex other/);
    await succeed(accessPoint, "setup", "--annex", "other");
    assert.match(await succeed(accessPoint, "setup", "--annex", "other"), /nothing to change/);
    await succeed(accessPoint, ...create);
    const id = (await instancesOf(sandbox, "other")).find((one) => one.id !== closed?.id)?.id ?? "";

    const constraint = `CloudInstanceID =?= "${id}" && PartitionableSlot`;
    const query = ["condor_status", "-constraint", constraint, "-af", "MyAddress"];
    const advertised = await accessPoint.run(query);
    assert.match(advertised, /^<198\.18\.\d+\.\d+:9618\?/);
    assert.doesNotMatch(advertised, /CCBID=/);
    const address = /^<([\d.]+):/.exec(advertised)?.[1] ?? "";
    const knock = async (from: SandboxMachine, port: number): Promise<number | null> =>
      (await from.exec(["timeout", "2", "bash", "-c", `: < /dev/tcp/${address}/${port}`])).exitCode;
    assert.equal(await knock(accessPoint, 9618), 0);
    assert.equal(await knock(accessPoint, 22), 124);
    assert.equal(await knock(sandbox.machine(closed?.id ?? ""), 9618), 124);

    const lines = [`requirements = CloudInstanceID == "${id}"`];
    const cluster = await submitJobs(accessPoint, { count: 1, seconds: 1, mayUseAws: true, lines });
    await eventually("a job has run there", 60, async () =>
      assert.deepEqual(
        (await finishedJobs(accessPoint, cluster)).map((job) => [job.exitCode, job.instanceId]),
        [["0", id]],
      ),
    );
    // The guard asks the startd by its own address, at which the network would not let the node itself in.
    const ask =
      'condor_status -direct "$(head -1 "$(condor_config_val STARTD_ADDRESS_FILE)")" -af CloudInstanceID';
    assert.match(await sandbox.machine(id).run(["sh", "-c", ask]), new RegExp(`^${id}$`, "m"));
  });

  test("delete ends this annex's instances, leaves nothing of it in the bucket, and spares the other", async () => {
    const { accessPoint } = sandbox;
    await succeed(accessPoint, "delete", "burst", "--yes");
    assert.deepEqual(await instancesOf(sandbox, "burst"), []);
    assert.equal((await instancesOf(sandbox, "other"))[0]?.ec2State, "running");
    const ours = (await sandbox.instances()).filter(({ tags }) => tags["htcondor:AnnexName"] === "burst");
    assert.deepEqual([...new Set(ours.map(({ state }) => state))], ["terminated"]);
    const node = sandbox.machine((await instancesOf(sandbox, "other"))[0]?.id ?? "");
    assert.match(await succeed(accessPoint, "delete", "burst", "--yes"), /nothing|0 instances/);
    assert.equal((await node.exec(["true"])).exitCode, 0);
  });

  test("teardown refuses while an instance lives, then removes every stack and the bucket", async () => {
    const { accessPoint } = sandbox;
    const refused = await updraft(accessPoint, ["teardown", "--region", "us-east-1", "--yes"]);
    assert.equal(refused.exitCode, 4);
    assert.match(refused.stderr, /2 instances/);
    await succeed(accessPoint, "delete", "other", "--yes");
    await succeed(accessPoint, "teardown", "--annex", "burst", "--yes");
    await succeed(accessPoint, "teardown", "--annex", "other", "--yes");
    await succeed(accessPoint, "teardown", "--region", "us-east-1", "--yes");
    const after = await updraft(accessPoint, ["create", "burst", "--count", "1", "--dry-run"]);
    assert.equal(after.exitCode, 3);
    assert.match(after.stderr, /updraft setup --region us-east-1/);
  });
});
