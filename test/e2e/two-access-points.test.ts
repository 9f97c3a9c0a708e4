import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ec2Query, terminate } from "../../bench/campaigns/ec2-query.ts";
import { HOOK, tickHook } from "../../bench/hook-process.ts";
import { TAG } from "../../core/tags.ts";
import {
  annexKnobs,
  configureAnnexes,
  configureHook,
  describeAnnexes,
  imageId,
} from "../../sandbox/demo/annex.ts";
import { submitJobs } from "../../sandbox/demo/jobs.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../../sandbox/sandbox.ts";
import { eventually, succeed, updraft } from "../support/updraft.ts";

const NAME = "e2e-two-access-points";
const SECOND_SCHEDD = { UPDRAFT_LOCAL_NAME: "other" };

/** A second schedd of a machine, as docs/hook.md describes it. */
const OTHER = `
OTHER = $(SCHEDD)
OTHER_ARGS = -local-name other
DAEMON_LIST = $(DAEMON_LIST) OTHER
DC_DAEMON_LIST = +OTHER
OTHER.SCHEDD_NAME = other@$(FULL_HOSTNAME)
OTHER.SCHEDD_LOG = $(LOG)/SchedLog.other
OTHER.SPOOL = /var/spool/condor-other
OTHER.UPDRAFT_STATE_DIR = /var/lib/updraft-other
OTHER.UPDRAFT_ANNEXES = burst
OTHER.SCHEDD_CRON_UPDRAFT_PERIOD = 5s
`;
const START_OTHER = `
install -d -o condor -g condor /var/spool/condor-other
install -d -o condor -g condor -m 700 /var/lib/updraft-other
condor_reconfig
until condor_q -totals -name other@cm.pool.test > /dev/null 2>&1; do sleep 0.2; done`;

/** An access point of the first machine's pool, and nothing else. */
const REMOTE = `
CONDOR_HOST = cm.pool.test
UID_DOMAIN = pool.test
TRUST_DOMAIN = pool.test
DAEMON_LIST = MASTER SCHEDD
ALLOW_DAEMON = condor_pool@pool.test condor@pool.test condor@password
ALLOW_NEGOTIATOR = condor_pool@pool.test condor@pool.test condor@password
`;
const JOIN_FIRST = `
condor_restart -master
until [ "$(condor_status -schedd -constraint 'Machine == "cm.pool2.test"' -af CondorVersion 2> /dev/null)" ]; do sleep 0.2; done`;

describe("two access points with an annex of the same name in one account", { timeout: 600_000 }, () => {
  let sandbox: Sandbox;
  let first: SandboxMachine;
  let second: SandboxMachine;
  let own: string[];
  let foreign: string[];

  /** Launches an instance as if that pool and schedd had ordered it for an annex of this name. */
  async function launchFor(pool: string, schedd: string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const tags: Record<string, string> = {
      [TAG.annex]: "burst",
      [TAG.pool]: pool,
      [TAG.schedd]: schedd,
      [TAG.order]: "0123456789abcdef",
      [TAG.orderedAt]: String(now),
      [TAG.lease]: String(now + 600),
      [TAG.idle]: "300",
      [TAG.owner]: "updraft-schedd",
    };
    const said = await ec2Query(sandbox, {
      Action: "RunInstances",
      ImageId: imageId("plain"),
      InstanceType: "m5.large",
      MinCount: "1",
      MaxCount: "1",
      "TagSpecification.1.ResourceType": "instance",
      ...Object.fromEntries(
        Object.entries(tags).flatMap(([key, value], i) => [
          [`TagSpecification.1.Tag.${i + 1}.Key`, key],
          [`TagSpecification.1.Tag.${i + 1}.Value`, value],
        ]),
      ),
    });
    const id = /<instanceId>(i-[0-9a-f]+)</.exec(said)?.[1];
    assert.ok(id, said);
    return id;
  }

  const running = async (ids: readonly string[]): Promise<boolean> => {
    const instances = await sandbox.instances();
    return ids.every((id) => instances.find((one) => one.instanceId === id)?.state === "running");
  };
  const untouched = async (): Promise<void> => {
    const instances = (await sandbox.instances()).filter(({ instanceId }) => foreign.includes(instanceId));
    assert.deepEqual(
      instances.map(({ state, tags }) => [state, tags[TAG.release]]),
      foreign.map(() => ["running", undefined]),
    );
  };

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME });
    first = sandbox.accessPoint;
    second = await sandbox.addAccessPoint({ domain: "pool2.test" });
    // Their nodes have the pool's password, as those of 2016 had; elsewhere they have tokens.
    const knobs = {
      ...(await annexKnobs(sandbox)),
      CREDENTIAL: "password",
      MODE: "act",
      MAX_INSTANCES: "2",
      MIN_WAIT: "5s",
    };
    await configureAnnexes(first, { burst: knobs });
    await configureAnnexes(second, { burst: knobs });
    await succeed(first, "setup", "--region", "us-east-1");
    await succeed(first, "setup", "--annex", "burst");
    await configureHook(sandbox, first, "SCHEDD_CRON_UPDRAFT_PERIOD = 1h\n");
    await succeed(first, "publish", "burst");
    await first.writeFile("/etc/condor/config.d/50-other.config", OTHER);
    await first.run(["sh", "-c", START_OTHER], { timeoutSeconds: 60 });
    assert.equal((await sandbox.invoke("updraft-enforcer", {})).error, undefined);
    foreign = [
      await launchFor("pool2.test", "cm.pool2.test"),
      await launchFor("pool.test", "other@cm.pool.test"),
      await launchFor("pool2.test", "cm.pool.test"),
    ];
    await eventually("theirs are running", 30, async () => assert.ok(await running(foreign)));
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  test("the hook counts none of the other's instances, and orders under its own limit", async () => {
    await eventually("the schedd answers", 60, () => tickHook(first, "burst"));
    await submitJobs(first, { count: 4, seconds: 1, mayUseAws: true });
    const said = await eventually("two are ordered", 60, async () => {
      const said = await tickHook(first, "burst");
      assert.equal(said.get("Ordered"), "2", said.get("Reason"));
      return said;
    });
    assert.deepEqual([said.get("Instances"), said.get("InFlight"), said.get("Late")], ["0", "0", "0"]);
    await eventually("both have joined", 60, async () => {
      const said = await tickHook(first, "burst");
      assert.deepEqual([said.get("Instances"), said.get("Joined"), said.get("Lost")], ["2", "2", "0"]);
    });
    const listed = JSON.parse(await succeed(first, "status", "burst", "--json")) as {
      instances: { id: string }[];
    };
    assert.equal(listed.instances.length, 2);
    assert.ok(listed.instances.every(({ id }) => !foreign.includes(id)));
    own = listed.instances.map(({ id }) => id);
  });

  test("a second pool and a second schedd are refused, command and hook, and order nothing", async () => {
    const orders = async (): Promise<number> =>
      (await sandbox.requests()).filter(({ action }) => action === "CreateFleet").length;
    const before = await orders();
    const create = ["create", "burst", "--count", "1", "--yes"];
    const refusal = /(schedd cm\.pool\.test of|set up for) pool pool\.test, not (for|to) /;
    for (const { accessPoint, environment } of [
      { accessPoint: second, environment: {} },
      { accessPoint: first, environment: SECOND_SCHEDD },
    ]) {
      const command = await updraft(accessPoint, create, environment);
      assert.equal(command.exitCode, 4, command.stderr);
      assert.match(command.stderr, refusal);
      await second.run(["install", "-d", "-o", "condor", "-m", "700", "/var/lib/updraft"]);
      const hook = await accessPoint.exec([HOOK], { environment, timeoutSeconds: 70 });
      assert.equal(hook.exitCode, 1, hook.stdout);
      assert.match(hook.stdout, /^burst_Ordered = 0$/m);
      assert.match(hook.stdout, refusal);
    }
    assert.equal(await orders(), before);
  });

  test("a second schedd of the same machine has a hook of its own, which serves its jobs and no other's", async () => {
    const other = async (...args: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await updraft(first, args, SECOND_SCHEDD);
      assert.equal(exitCode, 0, stderr);
      return stdout;
    };
    const knobs = { ...(await annexKnobs(sandbox)), CREDENTIAL: "password", MODE: "act", MIN_WAIT: "5s" };
    const config = [
      "OTHER.UPDRAFT_ANNEXES = two",
      ...Object.entries(knobs).map(([suffix, value]) => `UPDRAFT_two_${suffix} = ${value}`),
      // Which one users' programs ask, who say nothing.
      "SCHEDD_HOST = other@$(FULL_HOSTNAME)",
    ];
    await first.writeFile("/etc/condor/config.d/51-two.config", `${config.join("\n")}\n`);
    await other("setup", "--annex", "two");
    await other("publish", "two");
    assert.equal((await sandbox.invoke("updraft-enforcer", {})).error, undefined);
    const submit = async (schedd: string, ...lines: string[]): Promise<void> => {
      const job = ["executable = /bin/sleep", "arguments = 600", "transfer_executable = false", ...lines];
      const stdin = [...job, "+MayUseAWS = true", "queue", ""].join("\n");
      await first.run(["condor_submit", "-name", schedd, "-"], { user: "alice", stdin });
    };
    await submit("other@cm.pool.test");
    await submit("cm.pool.test", "requirements = false");
    const attributes = ["JobsIdle", "Joined", "SlotsBusy", "LastError"].map((name) => `Annex_two_${name}`);
    const shown = ["condor_status", "-schedd", "-constraint", 'Name == "other@cm.pool.test"', "-af"];
    await eventually("the other's own schedd shows that its hook has served the job", 90, async () => {
      assert.equal(await first.run([...shown, ...attributes]), "0 1 1 undefined\n");
    });
    const said = await tickHook(first, "burst");
    assert.deepEqual(
      ["JobsIdle", "Instances", "Joined", "SlotsBusy"].map((name) => said.get(name)),
      ["1", "2", "2", "0"],
    );
    await first.run(["condor_rm", "-name", "cm.pool.test", "-all"]);
    const ids = async (one: Promise<string>): Promise<string[]> =>
      (JSON.parse(await one) as { instances: { id: string }[] }).instances.map(({ id }) => id);
    const its = await ids(other("status", "two", "--json"));
    assert.equal(its.length, 1);
    assert.deepEqual((await ids(succeed(first, "status", "--json"))).sort(), [...own].sort());
    await other("delete", "two", "--yes");
    await untouched();
  });

  test("the hook releases its own idle nodes, and none of another's that the same collector shows", async () => {
    // As a node that the other schedd of this pool has ordered, with nothing to do.
    const name = "slot1@foreign.pool.test";
    const ad = [
      'MyType = "Machine"',
      `Name = "${name}"`,
      'Machine = "foreign.pool.test"',
      'MyAddress = "<172.31.9.9:9618>"',
      'State = "Unclaimed"',
      'Activity = "Idle"',
      "Start = true",
      "Cpus = 2",
      "Memory = 4096",
      "Disk = 1000000",
      'AnnexName = "burst"',
      'AnnexSchedd = "other@cm.pool.test"',
      `CloudInstanceID = "${foreign[1]}"`,
    ];
    const advertise = ["condor_advertise", "UPDATE_STARTD_AD", "-"];
    await eventually("the hook releases", 60, async () => {
      await first.run(advertise, { stdin: `${ad.join("\n")}\n` });
      assert.match(await first.run(["condor_status", "-af", "Name"]), /foreign/);
      const said = await tickHook(first, "burst");
      const released = (await sandbox.instances()).filter(({ tags }) => (tags[TAG.release] ?? "") !== "");
      assert.deepEqual(
        released.map(({ instanceId }) => instanceId).sort(),
        [...own].sort(),
        said.get("Reason"),
      );
    });
    await untouched();
  });

  test("deleting the annex ends its own instances, whoever else has one of that name", async () => {
    await succeed(first, "delete", "burst", "--yes");
    const mine = (await sandbox.instances()).filter(({ instanceId }) => own.includes(instanceId));
    assert.deepEqual(
      mine.map(({ state }) => state),
      ["terminated", "terminated"],
    );
    await untouched();
  });

  test("the set-up of an annex stays as long as anyone has an instance of that name", async () => {
    await first.writeFile("/etc/condor/config.d/42-stop.config", "UPDRAFT_STOP = true\n");
    const { exitCode, stderr } = await updraft(first, ["teardown", "--annex", "burst", "--yes"]);
    assert.equal(exitCode, 4, stderr);
    assert.ok(foreign.every((id) => stderr.includes(id)));
    await untouched();
    for (const id of foreign) await terminate(sandbox, id);
    await eventually("they are gone", 60, () => succeed(first, "teardown", "--annex", "burst", "--yes"));
  });

  test("once it is free the second may have it, and ends its own instances alone", async () => {
    foreign = [await launchFor("pool.test", "cm.pool.test"), await launchFor("pool2.test", "cm.pool.test")];
    await eventually("they are running", 30, async () => assert.ok(await running(foreign)));
    await succeed(second, "setup", "--annex", "burst");
    await succeed(second, "create", "burst", "--count", "1", "--lease", "10m", "--yes");
    const said = JSON.parse(await succeed(second, "delete", "burst", "--yes", "--json")) as {
      terminated: string[];
    };
    assert.equal(said.terminated.length, 1);
    await untouched();
  });

  test("an access point whose collector is on another machine has nodes that join there and serve it", async () => {
    const password = await first.run(["base64", "/etc/condor/passwords.d/POOL"]);
    await second.writeFile("/etc/condor/passwords.d/POOL", Buffer.from(password, "base64"), { mode: "600" });
    await second.writeFile("/etc/condor/config.d/50-remote.config", REMOTE);
    const knobs = { ...(await annexKnobs(sandbox)), CREDENTIAL: "password", MODE: "act", MIN_WAIT: "5s" };
    await describeAnnexes(second, { far: knobs });
    await second.run(["sh", "-c", JOIN_FIRST], { timeoutSeconds: 60 });
    await succeed(second, "setup", "--annex", "far");
    await succeed(second, "publish", "far");
    assert.equal((await sandbox.invoke("updraft-enforcer", {})).error, undefined);
    await submitJobs(second, { count: 1, seconds: 600, mayUseAws: true });
    await eventually("a node of the first machine's pool runs its job", 90, async () => {
      const { exitCode, stdout } = await second.exec([HOOK], { timeoutSeconds: 70 });
      assert.equal(exitCode, 0, stdout);
      assert.match(stdout, /^far_SlotsBusy = 1$/m);
    });
    await succeed(second, "delete", "far", "--yes");
  });
});
