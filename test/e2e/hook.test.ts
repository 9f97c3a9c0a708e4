import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { tag } from "../../bench/campaigns/ec2-query.ts";
import { annexKnobs, configureAnnexes, configureHook } from "../../sandbox/demo/annex.ts";
import { finishedJobs } from "../../sandbox/demo/jobs.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../../sandbox/sandbox.ts";
import { runHook, submitOptedIn } from "../support/hook-run.ts";
import { eventually, succeed } from "../support/updraft.ts";
import { demandTests } from "./hook-demand.ts";

const NAME = "e2e-hook";
const LOCAL_SLOTS = 24;
/** The hook is started by hand until the cron is to run. */
const SELDOM = "SCHEDD_CRON_UPDRAFT_PERIOD = 1h\n";
const OFTEN = "SCHEDD_CRON_UPDRAFT_PERIOD = 5s\n";
const PACE = "/etc/condor/config.d/46-updraft-hook-pace.config";
const JOURNAL = "/var/lib/updraft";
const FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

describe("the hook of the schedd", { timeout: 900_000 }, () => {
  let sandbox: Sandbox;
  let accessPoint: SandboxMachine;

  const configure = async (changes: Record<string, string>): Promise<void> =>
    configureAnnexes(accessPoint, {
      burst: {
        ...(await annexKnobs(sandbox)),
        MODE: "act",
        IDLE: "5m",
        OWNERS: "alice@pool.test",
        ...changes,
      },
    });
  const orders = async (): Promise<number> =>
    (await sandbox.requests()).filter(({ action }) => action === "CreateFleet").length;
  const live = async () => (await sandbox.instances()).filter(({ state }) => state !== "terminated");
  const shell = (script: string): Promise<string> => accessPoint.run(["sh", "-c", script]);
  const entries = async (): Promise<string[]> =>
    (await shell(`ls ${JOURNAL} | grep ^order- || true`)).split("\n").filter((name) => name !== "");
  const removeJobs = async (): Promise<void> => {
    await accessPoint.run(["condor_rm", "-all"]);
    await eventually("no job is left", 60, async () =>
      assert.equal((await accessPoint.run(["condor_q", "-allusers", "-af", "ClusterId"])).trim(), ""),
    );
  };
  /** As `condor_status -schedd -af` shows them. */
  const published = async (...names: readonly string[]): Promise<string[]> => {
    const attributes = names.map((name) => `Annex_burst_${name}`);
    const line = await accessPoint.run(["condor_status", "-schedd", "-af:,", ...attributes]);
    return line
      .trim()
      .split(",")
      .map((value) => value.trim());
  };

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME, localSlots: LOCAL_SLOTS });
    ({ accessPoint } = sandbox);
    await configure({ MODE: "advise" });
    await succeed(accessPoint, "setup", "--region", "us-east-1");
    await succeed(accessPoint, "setup", "--annex", "burst");
    await configureHook(sandbox, accessPoint, SELDOM);
    await accessPoint.writeFile("/opt/libfaketime.so.1", await readFile(FAKETIME));
    assert.equal((await sandbox.invoke("updraft-enforcer", {})).error, undefined);
    await eventually("the schedd answers", 60, async () => {
      const { attributes } = await runHook(accessPoint);
      assert.equal(attributes["burst_LimitedBy"], "None", attributes["burst_Reason"]);
    });
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  test("jobs held back by a concurrency limit are not demand, and the reason says so", async () => {
    await accessPoint.configure("60-limits.config", "LIC_LIMIT = 2\n");
    await submitOptedIn(accessPoint, 6, 300, "concurrency_limits = lic");
    await eventually("two run and four wait for the limit", 60, async () => {
      const { attributes } = await runHook(accessPoint);
      assert.equal(attributes["burst_JobsIdle"], "4");
      assert.equal(attributes["burst_LimitedBy"], "ConcurrencyLimit");
      assert.match(attributes["burst_Reason"] ?? "", /4 idle jobs; 4 held back by a concurrency limit/);
      assert.equal(attributes["burst_Recommended"], "0");
    });
    await removeJobs();
  });

  test("jobs held back by a group's quota are not demand", async () => {
    const quota = "GROUP_NAMES = group_p\nGROUP_QUOTA_group_p = 1\n";
    await accessPoint.configure("60-limits.config", quota);
    await submitOptedIn(accessPoint, 4, 300, "accounting_group = group_p");
    await eventually("one runs and three wait for the quota", 60, async () => {
      const { attributes } = await runHook(accessPoint);
      assert.deepEqual(
        [attributes["burst_JobsIdle"], attributes["burst_LimitedBy"], attributes["burst_Recommended"]],
        ["3", "Quota", "0"],
      );
    });
    await removeJobs();
    await accessPoint.configure("60-limits.config", "");
  });

  demandTests({ accessPoint: () => accessPoint, removeJobs });

  test("jobs that fit free slots, and jobs that ask for more than an instance has, order nothing", async () => {
    await submitOptedIn(accessPoint, 2, 300, "requirements = TARGET.IsAnnex", "request_memory = 64000");
    await eventually("they are passed over", 60, async () =>
      assert.equal((await runHook(accessPoint)).attributes["burst_LimitedBy"], "Shape"),
    );
    await removeJobs();
  });

  test("in mode advise it says what it would order, and orders nothing", async () => {
    await submitOptedIn(accessPoint, 4, 3600, "requirements = TARGET.IsAnnex");
    await eventually("two instances are advised", 60, async () => {
      const { attributes, exitCode } = await runHook(accessPoint);
      assert.equal(exitCode, 0);
      assert.deepEqual(
        [attributes["burst_Recommended"], attributes["burst_Ordered"], attributes["burst_LimitedBy"]],
        ["2", "0", "Advise"],
      );
      assert.match(attributes["burst_Reason"] ?? "", /2 more instances needed, 0 on the way; would order 2/);
    });
    assert.equal(await orders(), 0);
  });

  test("an annex that nobody has published is not ordered for, and the error names the command", async () => {
    await configure({});
    const { attributes, exitCode } = await runHook(accessPoint);
    assert.equal(exitCode, 1);
    assert.deepEqual([attributes["burst_Ordered"], attributes["burst_LimitedBy"]], ["0", "Setup"]);
    assert.match(attributes["burst_LastError"] ?? "", /annex burst is not published/);
    await succeed(accessPoint, "publish", "burst");
    await configure({ JOBS: "MayUseAWS =?= true && true" });
    const stale = await runHook(accessPoint);
    assert.match(stale.attributes["burst_LastError"] ?? "", /stale: the knobs have changed since/);
    await configure({});
    assert.equal(await orders(), 0);
  });

  test("an order that the liability's limit does not admit is not placed, and the reason says so", async () => {
    await configure({ MAX_LIABILITY: "0.5" });
    const { attributes } = await runHook(accessPoint);
    assert.deepEqual(
      ["Recommended", "Ordered", "Liability", "LiabilityLimit", "HourlyCost"].map((name) =>
        Number(attributes[`burst_${name}`]),
      ),
      [0, 0, 0, 0.5, 0],
    );
    assert.equal(attributes["burst_LimitedBy"], "Liability");
    assert.match(attributes["burst_Reason"] ?? "", /2 more instances needed.*MAX_LIABILITY 0\.5 USD cuts 2/);
    assert.equal(await orders(), 0);
    await configure({});
  });

  test("whatever lies, fails or hangs, it orders nothing, says so and ends in time", async () => {
    const garbage = (program: string, script: string): Promise<void> =>
      accessPoint.writeFile(`/opt/bad/${program}`, `#!/bin/sh\n${script}\n`, { mode: "755" });
    const behindBad = { PATH: "/opt/bad:/usr/sbin:/usr/bin:/sbin:/bin" };
    const truncated = (program: string) => garbage(program, `/usr/bin/${program} "$@" | head -c 150; exit 0`);
    const fake = (shift: string) => ({
      LD_PRELOAD: "/opt/libfaketime.so.1",
      FAKETIME: shift,
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    });
    const nothing = async (): Promise<void> => {};
    const fault = (action: string, effect: object) => async () => {
      const id = await sandbox.addFault({
        service: action.split(":")[0] ?? "",
        action: action.split(":")[1] ?? "",
        principal: "*updraft-hook",
        ...effect,
      } as never);
      return () => sandbox.removeFault(id);
    };
    const LATELY = ", and everything was looked at just now";
    type Undo = (() => Promise<void>) | void;
    const noCredentials = { AWS_SHARED_CREDENTIALS_FILE: "/none", AWS_EC2_METADATA_DISABLED: "true" };
    const cloudFormation = fault("cloudformation:*", { kind: "error", code: "AccessDenied", status: 403 });
    const s3 = fault("s3:GetObject", { kind: "error", code: "InternalError", status: 500 });
    const cases: [string, () => Promise<Undo>, Record<string, string>, string][] = [
      ["the collector is away", nothing, { _CONDOR_COLLECTOR_HOST: "172.31.255.10:1" }, "Collector"],
      ["condor_q is cut short", () => truncated("condor_q"), behindBad, "Queue"],
      ["condor_q fails", () => garbage("condor_q", "echo '[]'; exit 1"), behindBad, "Queue"],
      ["condor_q prints garbage", () => garbage("condor_q", "echo 5"), behindBad, "Queue"],
      ["condor_q hangs", () => garbage("condor_q", "exec sleep 100"), behindBad, "Queue"],
      ["condor_q leaves a child that hangs", () => garbage("condor_q", "sleep 100"), behindBad, "Error"],
      [
        "condor_q works again",
        () => garbage("condor_q", 'exec /usr/bin/condor_q "$@"'),
        { ...behindBad, ...fake("+1d") },
        "Enforcer",
      ],
      ["the clock is behind", nothing, fake("-1d"), "Clock"],
      ["condor_status is cut short", () => truncated("condor_status"), behindBad, "Collector"],
      ["condor_status knows nobody", () => garbage("condor_status", "exit 0"), behindBad, "Collector"],
      [
        "EC2 refuses",
        fault("ec2:DescribeInstances", { kind: "error", code: "InternalError", status: 500 }),
        {},
        "EC2",
      ],
      ["EC2 throttles", fault("ec2:DescribeInstances", { kind: "throttle" }), {}, "EC2"],
      ["EC2 hangs", fault("ec2:DescribeInstances", { kind: "timeout", seconds: 60 }), {}, "EC2"],
      [`CloudFormation refuses${LATELY}`, cloudFormation, {}, "Denied"],
      [`S3 refuses${LATELY}`, s3, {}, "EC2"],
      [`the credentials are gone${LATELY}`, nothing, noCredentials, "EC2"],
      ["CloudFormation refuses", cloudFormation, {}, "Setup"],
      ["S3 refuses", s3, {}, "Setup"],
      ["there are no credentials", nothing, noCredentials, "Setup"],
    ];
    const told: string[] = [];
    for (const [what, spoil, environment, word] of cases) {
      // Else what is broken might not be asked at all.
      if (!what.endsWith(LATELY)) await shell("rm -f /var/lib/updraft/answers-* /var/lib/updraft/queue-*");
      const undo = await spoil();
      const { attributes, exitCode, seconds, stderr } = await runHook(accessPoint, environment);
      await undo?.();
      await shell("rm -rf /opt/bad");
      told.push(`${what}: ${attributes["burst_LimitedBy"] ?? stderr}, ${seconds.toFixed(1)} s`);
      assert.equal(attributes["burst_LimitedBy"], word, `${what}: ${attributes["burst_Reason"] ?? stderr}`);
      assert.equal(attributes["burst_Ordered"], "0", what);
      assert.ok(seconds < 50, `${what}: ${seconds} s`);
      assert.ok(exitCode === 0 || (attributes["burst_LastError"] ?? "undefined") !== "undefined", what);
    }
    console.log(told.join("\n"));
    assert.equal(await orders(), 0);
    assert.deepEqual(await live(), []);
  });

  test("a knob that is wrong stops it, with its last good attributes and the error", async () => {
    await configure({ MAX_INSTANCES: "many" });
    const { attributes, exitCode } = await runHook(accessPoint);
    assert.equal(exitCode, 1);
    assert.match(attributes["LastError"] ?? "", /UPDRAFT_burst_MAX_INSTANCES = many/);
    assert.equal(attributes["burst_JobsIdle"], "4");
    await configure({});
  });

  test("a journal that was cut in half or comes from another version stops it, is shown, and nothing is lost", async () => {
    for (const text of ['{"format":1,"orderId":"abc', '{"format":2}\\n']) {
      await shell(`printf '${text}' > ${JOURNAL}/order-abc.json; chown condor: ${JOURNAL}/order-abc.json`);
      const { attributes } = await runHook(accessPoint);
      assert.deepEqual([attributes["burst_LimitedBy"], attributes["burst_Ordered"]], ["Journal", "0"]);
      assert.match(
        attributes["burst_LastError"] ?? "",
        /order-abc\.json: its format is 2|order-abc\.json: it is cut/,
      );
      assert.match(await succeed(accessPoint, "status", "burst"), /unreadable order: .*order-abc\.json/);
      const refused = await accessPoint.exec(["updraft", "create", "burst", "--count", "1", "--yes"]);
      assert.equal(refused.exitCode, 1);
      assert.match(refused.stderr, /the journal of orders cannot be read/);
      assert.deepEqual(await entries(), ["order-abc.json"]);
    }
    await shell(`rm ${JOURNAL}/order-abc.json`);
    assert.equal(await orders(), 0);
  });

  test("an order whose answer is lost is placed once, shown until it is known, and found by the next run", async () => {
    const lost = await sandbox.addFault({
      service: "ec2",
      action: "CreateFleet",
      kind: "lost-answer",
      times: 1,
    });
    const late = await sandbox.addFault({ kind: "late-visibility", seconds: 20 });
    const first = await runHook(accessPoint);
    assert.match(first.attributes["burst_LastError"] ?? "", /nobody knows yet whether order \w+ was placed/);
    assert.equal((await entries()).length, 1);
    assert.match(await succeed(accessPoint, "status", "burst"), /nobody has read the answer/);
    await shell(`rm -f ${JOURNAL}/state.json`);
    await Promise.all([1, 2, 3].map(() => runHook(accessPoint)));
    const { attributes } = await runHook(accessPoint);
    assert.deepEqual([attributes["burst_InFlight"], attributes["burst_Ordered"]], ["2", "0"]);
    assert.equal((await live()).length, 2);
    await sandbox.removeFault(lost);
    await sandbox.removeFault(late);
    await eventually("both have joined and run, and the journal is empty", 120, async () => {
      const { attributes } = await runHook(accessPoint);
      assert.deepEqual([attributes["burst_Joined"], attributes["burst_SlotsBusy"]], ["2", "4"]);
      assert.deepEqual(await entries(), []);
    });
    assert.equal((await live()).length, 2);
  });

  test("several hooks at once and a command beside them order what is missing once", async () => {
    await submitOptedIn(accessPoint, 4, 3600, "requirements = TARGET.IsAnnex");
    await eventually("they are passed over", 60, async () => {
      const { attributes } = await runHook(accessPoint, { _CONDOR_UPDRAFT_STOP: "true" });
      assert.deepEqual([attributes["burst_LimitedBy"], attributes["burst_Recommended"]], ["Stop", "2"]);
    });
    const before = await orders();
    await Promise.all([1, 2, 3, 4].map(() => runHook(accessPoint)));
    assert.equal((await orders()) - before, 1);
    assert.equal((await live()).length, 4);
  });

  test("tags altered by hand order nothing, release nothing and end nothing that is busy", async () => {
    const running = async (): Promise<string> =>
      accessPoint.run(["condor_q", "-allusers", "-constraint", "JobStatus == 2", "-af", "NumShadowStarts"]);
    await eventually("every node is busy", 120, async () => {
      assert.equal(await running(), "1\n".repeat(8));
    });
    const before = await orders();
    const [missing, garbage, farAway, stranger] = await live();
    assert.ok(
      missing !== undefined && garbage !== undefined && farAway !== undefined && stranger !== undefined,
    );
    const lease = missing.tags["htcondor:LeaseExpiration"];
    await tag(sandbox, missing.instanceId, "htcondor:LeaseExpiration", undefined);
    await tag(sandbox, garbage.instanceId, "htcondor:LeaseExpiration", "next Tuesday");
    await tag(sandbox, farAway.instanceId, "htcondor:LeaseExpiration", "253370764800");
    await tag(sandbox, stranger.instanceId, "htcondor:AnnexName", undefined);

    const blind = await runHook(accessPoint);
    assert.equal(blind.attributes["burst_LimitedBy"], "Collector");
    assert.match(blind.attributes["burst_Reason"] ?? "", /a slot of i-\w+, which EC2 does not list/);
    assert.equal(blind.attributes["burst_Ordered"], "0");
    await tag(sandbox, stranger.instanceId, "htcondor:AnnexName", "burst");
    const { attributes } = await runHook(accessPoint);
    assert.deepEqual(
      [attributes["burst_Instances"], attributes["burst_Ordered"], attributes["burst_Released"]],
      ["4", "0", "0"],
    );
    assert.match(await succeed(accessPoint, "status", "burst"), /unreadable/);

    const sweep = async (): Promise<{ unreadable: Record<string, number>; ended: unknown[] }> => {
      const { payload, error } = await sandbox.invoke("updraft-enforcer", {});
      assert.equal(error, undefined);
      return JSON.parse(payload);
    };
    const { unreadable, ended } = await sweep();
    assert.deepEqual(
      [Object.keys(unreadable).sort(), ended],
      [[missing, garbage, farAway].map(({ instanceId }) => instanceId).sort(), []],
    );
    // Longer than a guard looks away.
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    assert.equal(await running(), "1\n".repeat(8));
    for (const { instanceId } of [missing, garbage, farAway]) {
      await tag(sandbox, instanceId, "htcondor:LeaseExpiration", lease);
    }
    assert.deepEqual((await sweep()).unreadable, {});
    assert.equal(await orders(), before);

    await removeJobs();
    await succeed(accessPoint, "delete", "burst", "--yes");
    await succeed(accessPoint, "publish", "burst");
  });

  test("run by the schedd's cron: 24 jobs on 24 free local slots order nothing, 24 more what is missing", async () => {
    await accessPoint.writeFile(PACE, OFTEN);
    await accessPoint.run(["condor_restart", "-schedd"]);
    await eventually("the schedd publishes", 90, async () => {
      assert.deepEqual(await published("LimitedBy", "JobsIdle", "Instances"), ["None", "0", "0"]);
    });
    const before = await orders();
    const first = await submitOptedIn(accessPoint, LOCAL_SLOTS, 90);
    await eventually("all run on local slots", 60, async () => {
      assert.equal(
        (await accessPoint.run(["condor_q", "-allusers", "-constraint", "JobStatus == 2", "-af", "ProcId"]))
          .trim()
          .split("\n").length,
        LOCAL_SLOTS,
      );
    });
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    assert.equal(await orders(), before);
    assert.deepEqual(await published("JobsIdle", "Instances"), ["0", "0"]);

    const second = await submitOptedIn(accessPoint, 24, 5);
    await eventually("twelve instances of two CPUs are ordered", 60, async () => {
      assert.deepEqual(await published("Instances"), ["12"]);
    });
    await eventually("every job of the second is done", 180, async () => {
      assert.equal((await finishedJobs(accessPoint, second)).length, 24);
    });
    const done = await finishedJobs(accessPoint, second);
    assert.ok(done.every(({ annex, exitCode }) => annex === "burst" && exitCode === "0"));
    assert.equal((await orders()) - before, 1);
    await eventually("those that are idle are released, and end by themselves", 120, async () => {
      assert.deepEqual(await live(), []);
    });
    const ends = (await sandbox.terminationLog()).slice(-12);
    assert.ok(
      ends.every(({ by }) => by === "instance"),
      JSON.stringify(ends),
    );
    await eventually("the first are done, on local slots", 120, async () => {
      const jobs = await finishedJobs(accessPoint, first);
      assert.equal(jobs.length, LOCAL_SLOTS);
      assert.ok(jobs.every(({ annex }) => annex === "undefined"));
    });
  });

  test("the hook counts and the nodes run exactly the same jobs: opted in, of an owner, and for this annex", async () => {
    const there = "requirements = TARGET.IsAnnex";
    const strangers = [
      await submitOptedIn(accessPoint, 1, 1, there, '+TargetAnnexName = "other"'),
      await submitOptedIn(accessPoint, 1, 1, there, "+MayUseAWS = false"),
      await submitOptedIn(accessPoint, 1, 1, there, "+MayUseAWS = undefined"),
      await submitOptedIn(accessPoint, 1, 1, there, '+UpdraftSchedd = "other"'),
    ];
    const bobs = await submitOptedIn(
      { ...accessPoint, run: (c, o) => accessPoint.run(c, { ...o, user: "bob" }) },
      1,
      1,
      there,
    );
    const own = await submitOptedIn(accessPoint, 1, 1, there, '+TargetAnnexName = "burst"');
    await eventually("the one for this annex is done", 60, async () =>
      assert.equal((await finishedJobs(accessPoint, own)).length, 1),
    );
    const idle = await accessPoint.run([
      "condor_q",
      "-allusers",
      "-constraint",
      "JobStatus == 1",
      "-af",
      "ClusterId",
    ]);
    assert.deepEqual(idle.trim().split(/\s+/).sort(), [...strangers.slice(0, 3), bobs].sort());
    assert.equal(
      (await finishedJobs(accessPoint, strangers[3] ?? "")).length,
      1,
      "its stamp is the schedd's, not its own",
    );
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    assert.deepEqual(await published("JobsIdle", "LimitedBy"), ["0", "None"]);
    await removeJobs();
  });
});
