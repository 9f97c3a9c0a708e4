import assert from "node:assert/strict";
import { test } from "node:test";
import type { SandboxMachine } from "../../sandbox/sandbox.ts";
import { runHook, submitOptedIn } from "../support/hook-run.ts";
import { eventually } from "../support/updraft.ts";

export type DemandWorld = {
  accessPoint(): SandboxMachine;
  removeJobs(): Promise<void>;
};

/** What the real schedd and negotiator hold back is not demand. For a pool with free slots of its own. */
export function demandTests({ accessPoint, removeJobs }: DemandWorld): void {
  const limits = (text: string): Promise<void> => accessPoint().configure("60-limits.config", text);

  test("jobs that wait for MAX_JOBS_RUNNING, a time, a cool-down or their own factory are named, and order nothing", async () => {
    await limits("SYSTEM_ON_VACATE_COOL_DOWN = 3600\n");
    const cooling = await submitOptedIn(accessPoint(), 1, 300);
    await eventually("it runs", 60, async () => {
      const { attributes } = await runHook(accessPoint());
      assert.equal(attributes["burst_JobsIdle"], "0");
    });
    await accessPoint().run(["condor_vacate_job", cooling]);
    await limits("SYSTEM_ON_VACATE_COOL_DOWN = 3600\nMAX_JOBS_RUNNING = 2\n");
    await submitOptedIn(accessPoint(), 6, 300);
    await submitOptedIn(accessPoint(), 2, 300, `deferral_time = ${Math.floor(Date.now() / 1000) + 3600}`);
    await submitOptedIn(accessPoint(), 20, 300, "requirements = TARGET.NoSuchAttribute", "max_idle = 3");
    const held = { _CONDOR_UPDRAFT_burst_MIN_WAIT: "0s" };
    await eventually("each is counted by what holds it back", 60, async () => {
      const { attributes } = await runHook(accessPoint(), held);
      const { burst_JobsIdle: jobs, burst_JobsUnmaterialized: rest, burst_Reason: reason = "" } = attributes;
      assert.deepEqual([jobs, rest], ["10", "17"], reason);
      assert.match(reason, /; 7 held back by the schedd's MAX_JOBS_RUNNING/);
      assert.match(reason, /; 2 deferred/);
      assert.match(reason, /; 1 cooling down/);
      assert.match(reason, /; 17 not in the queue yet, as their late-materialized cluster holds them back/);
      assert.deepEqual([attributes["burst_LimitedBy"], attributes["burst_Recommended"]], ["Factory", "0"]);
    });
    await removeJobs();
    await limits("");
  });

  test("jobs whose requirements no node of the annex would meet order nothing, and are named", async () => {
    await submitOptedIn(accessPoint(), 3, 300, 'requirements = TARGET.IsAnnex && TARGET.Arch == "VAX"');
    await eventually("HTCondor says that they would not match", 60, async () => {
      const { attributes } = await runHook(accessPoint());
      assert.deepEqual(
        [attributes["burst_JobsIdle"], attributes["burst_LimitedBy"], attributes["burst_Recommended"]],
        ["3", "Requirements", "0"],
      );
    });
    await removeJobs();
  });

  test("jobs count by what they ask for now: before negotiation has seen them, after it, and once they are edited", async () => {
    const there = "requirements = TARGET.IsAnnex";
    const never = 'TARGET.IsAnnex && TARGET.Arch == "VAX"';
    const unserved = async (): Promise<string | undefined> => {
      const { attributes } = await runHook(accessPoint(), { _CONDOR_UPDRAFT_burst_MIN_WAIT: "0s" });
      assert.equal(attributes["burst_JobsIdle"], "5", attributes["burst_LastError"]);
      return attributes["burst_JobsUnserved"];
    };
    const good = await submitOptedIn(accessPoint(), 3, 300, there);
    const bad = await submitOptedIn(accessPoint(), 2, 300, `requirements = ${never}`);
    assert.equal(await unserved(), "3");
    const autocluster = (job: string): Promise<string> =>
      accessPoint().run(["condor_q", job, "-af", "AutoClusterId"]);
    await eventually("negotiation has put them into autoclusters", 60, async () => {
      assert.match(`${await autocluster(good)}${await autocluster(bad)}`, /^(\d+\n){5}$/);
    });
    assert.equal(await unserved(), "3");
    const edit = (job: string, ...change: [string, string]) =>
      accessPoint().run(["condor_qedit", job, ...change], { user: "alice" });
    await edit(`${good}.0`, "Requirements", never);
    assert.equal(await unserved(), "2");
    for (const forged of [(await autocluster(`${bad}.0`)).trim(), '"x"', "1 + 1", "1.5"]) {
      await edit(`${good}.1`, "AutoClusterId", forged);
      assert.equal(await unserved(), "2", forged);
    }
    await removeJobs();
  });

  test("a free slot that refuses the jobs holds nothing back, however large, beside one that takes them", async () => {
    // The negotiator leaves them alone, so that they stay as they are.
    await limits("NEGOTIATOR_SLOT_CONSTRAINT = Stays =!= true\n");
    await accessPoint().run(["condor_advertise", "-multiple", "UPDATE_STARTD_AD", "-"], {
      stdin: [
        freeSlot("drained", 64, "false"),
        freeSlot("others", 32, "TARGET.RequestMemory > 100"),
        freeSlot("small", 1, "TARGET.RequestMemory <= 100"),
      ].join("\n\n"),
    });
    const there = "requirements = TARGET.Stays || TARGET.IsAnnex";
    await submitOptedIn(accessPoint(), 6, 300, there);
    await submitOptedIn(accessPoint(), 3, 300, there, "request_memory = 128");
    await eventually("one of six, and three of three, are left to the free slots", 60, async () => {
      const { attributes } = await runHook(accessPoint(), { _CONDOR_UPDRAFT_burst_MIN_WAIT: "0s" });
      const { burst_JobsIdle: jobs, burst_JobsUnserved: unserved, burst_Reason: reason = "" } = attributes;
      assert.deepEqual([jobs, unserved], ["9", "5"], reason);
      assert.match(reason, /; 4 for which free slots of the pool suffice/);
    });
    await removeJobs();
    await limits("");
  });

  test("the schedd is not asked again while its log says that no job has changed, and at once when one has", async () => {
    const kept = (): Promise<string> =>
      accessPoint().run(["stat", "-c", "%y", "/var/lib/updraft/queue-burst.json"]);
    const jobs = async (): Promise<string | undefined> =>
      (await runHook(accessPoint())).attributes["burst_JobsIdle"];
    const cluster = await submitOptedIn(accessPoint(), 3, 300, "requirements = TARGET.IsAnnex");
    assert.equal(await jobs(), "3");
    await eventually("negotiation has passed them over, and nothing else happens", 60, async () => {
      await jobs();
      const before = await kept();
      assert.deepEqual([await jobs(), await kept()], ["3", before]);
    });
    await accessPoint().run(["condor_hold", `${cluster}.0`]);
    assert.equal(await jobs(), "2");
    await accessPoint().run(["condor_release", `${cluster}.0`]);
    assert.equal(await jobs(), "3");
    await removeJobs();
    assert.equal(await jobs(), "0");
  });

  test("whatever stands in a job's ad, it adds no attribute, no argument and no file, and hides no other job", async () => {
    const before = Object.keys((await runHook(accessPoint())).attributes).sort();
    const files = (): Promise<string> =>
      accessPoint().run(["sh", "-c", "find /var/lib/updraft /tmp /opt -xdev | sort"]);
    const filesBefore = await files();
    const there = "requirements = TARGET.IsAnnex";
    await submitOptedIn(accessPoint(), 5, 300, there);
    const evil = await submitOptedIn(accessPoint(), HOSTILE.length, 300, there);
    const edits = HOSTILE.map((attributes, proc) => ({ job: `${evil}.${proc}`, attributes }));
    await accessPoint().run(["python3", "-c", EDIT], { user: "alice", stdin: JSON.stringify(edits) });
    const jobs = String(5 + HOSTILE.length);
    await eventually("all are counted", 60, async () => {
      const { exitCode, stderr, attributes } = await runHook(accessPoint());
      assert.equal(exitCode, 0, attributes["burst_LastError"] ?? stderr);
      assert.equal(attributes["burst_JobsIdle"], jobs, attributes["burst_Reason"]);
      assert.ok(Number(attributes["burst_Recommended"]) >= 3, attributes["burst_Reason"]);
      assert.deepEqual(Object.keys(attributes).sort(), before);
      assert.doesNotMatch(JSON.stringify(attributes), /pwned/i);
    });
    const more = (await files()).split("\n").filter((file) => !filesBefore.includes(file));
    assert.deepEqual(
      more.filter(
        (file) => !/\/var\/lib\/updraft\/(slot-templates\.ads|(queue|answers)-burst\.json)$/.test(file),
      ),
      [],
    );
    await removeJobs();
  });
}

/** A slot that nobody has, and which the negotiator is told to leave alone. */
function freeSlot(name: string, cpus: number, start: string): string {
  return [
    'MyType = "Machine"',
    `Name = "slot1@${name}"`,
    `Machine = "${name}"`,
    'MyAddress = "<172.31.9.9:9618>"',
    'State = "Unclaimed"',
    'Activity = "Idle"',
    'SlotType = "Partitionable"',
    "PartitionableSlot = true",
    'Arch = "X86_64"',
    'OpSys = "LINUX"',
    "HasFileTransfer = true",
    `Cpus = ${cpus}`,
    "Memory = 64000",
    "Disk = 10000000",
    "Stays = true",
    `Start = ${start}`,
    "Requirements = Start",
    "",
  ].join("\n");
}

const NASTY =
  '"; pwned = 1\u2028\u0001\t ]\\ é漢 $(touch /tmp/pwned) `touch /tmp/pwned` ; [ pwned = 2 ] /Expr(1)/';
/** As EDIT writes an expression. */
const EXPRESSION = "@strcat(MY.Pwned, pwned)";

/** Edits of one job each, which a schedd accepts of the job's owner. */
const HOSTILE: readonly Readonly<Record<string, unknown>>[] = [
  { AcctGroup: NASTY, ConcurrencyLimits: "pwned\\n]" },
  { AcctGroup: "x".repeat(1_000_000) },
  { RequestMemory: "64\\npwned = 1" },
  { RequestMemory: EXPRESSION, RequestCpus: EXPRESSION },
  { RequestDisk: [1, { pwned: 1 }], RequestGPUs: { pwned: "]" } },
  { RequestMemory: 1e308, RequestDisk: -1 },
  { AutoClusterId: "1; pwned = 1", LastRejMatchReason: `concurrency limit ${NASTY}` },
  { AutoClusterId: 1, LastRejMatchTime: 99_999_999_999, LastRejMatchReason: "concurrency limit pwned" },
  { EnteredCurrentStatus: EXPRESSION, QDate: NASTY },
  { EnteredCurrentStatus: -1, DeferralTime: "pwned", JobCoolDownExpiration: EXPRESSION },
  { LastMatchTime: { pwned: 1 }, MachineAttrAnnexName0: NASTY, RemoteHost: NASTY },
  { Pwned: 1, "pwned = 1; x": NASTY, "'pwned'": 1 },
];

/** Attributes that the schedd refuses are left out; some of each job must get in. */
const EDIT = `
import json, re, subprocess, sys, tempfile
for edit in json.load(sys.stdin):
    accepted = 0
    for name, value in edit["attributes"].items():
        text = re.sub(r'"@([^"]*)"', lambda found: '"\\\\/Expr(' + found[1] + ')\\\\/"', json.dumps({name: value}))
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            command = ["condor_qedit", edit["job"], "-edits:json", file.name]
            accepted += subprocess.run(command, capture_output=True).returncode == 0
    if accepted == 0:
        sys.exit(f"nothing was accepted of {str(edit)[:200]}")
`;
