import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import {
  jobDescription,
  lostSeconds,
  MOST_LOST_SECONDS,
  WORK,
  type JobKind,
} from "../../bench/campaigns/checkpoint-job.ts";
import { tag } from "../../bench/campaigns/ec2-query.ts";
import { jobRuns } from "../../bench/campaigns/job-events.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { demandExpression } from "../../core/start-expression.ts";
import { annex } from "../support/knobs.ts";
import { eventually, setUp, succeed, type Instance } from "../support/updraft.ts";

const NAME = "e2e-lease";
const HOME = "/home/alice";
const WORK_FILE = `${HOME}/work`;
/** Longer than the negotiator and a claim that looks for its next job take. */
const PASSED_OVER_SECONDS = 12;
const now = (): number => Date.now() / 1000;

describe("the end of a node", { timeout: 600_000 }, () => {
  let sandbox: Sandbox;
  /** Each test has nodes of its own. */
  let nodes: readonly string[];
  /** One that ends when it is idle for a short time. */
  let served: string;

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME });
    const knobs = { DRAIN_SECONDS: "40", PURCHASE: "spot", EXPECTED_RUNTIME: "ExpectedSeconds" };
    await setUp(sandbox, { burst: knobs });
    await sandbox.accessPoint.writeFile(WORK_FILE, WORK, { mode: "755" });
    const order = async (count: string, idle: string): Promise<string[]> => {
      const terms = ["--count", count, "--lease", "20m", "--idle", idle, "--yes", "--json"];
      const said = await succeed(sandbox.accessPoint, "create", "burst", ...terms);
      return (JSON.parse(said) as { instances: Instance[] }).instances.map(({ id }) => id);
    };
    nodes = await order("7", "5m");
    [served = ""] = await order("1", "40s");
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  type Terms = {
    readonly on: string;
    /** Where it may run once it has run before. */
    readonly later?: string;
    readonly cpus?: number;
    readonly kind?: JobKind;
    readonly expected?: number;
  };
  /** A job that keeps nothing and takes a whole node unless told; its number. */
  async function submit(seconds: number, terms: Terms): Promise<string> {
    const { on, later = on, cpus = 2, kind = "keeps nothing", expected } = terms;
    const description = [
      ...jobDescription(kind, WORK_FILE),
      `request_cpus = ${cpus}`,
      `requirements = CloudInstanceID == "${on}" || (NumJobStarts > 0 && CloudInstanceID == "${later}")`,
      "log = lease.log",
      "+MayUseAWS = true",
      ...(expected === undefined ? [] : [`+ExpectedSeconds = ${expected}`]),
      `queue seconds in (${seconds})`,
      "",
    ].join("\n");
    const answer = await sandbox.accessPoint.run(["condor_submit", "-terse", "-"], {
      user: "alice",
      stdin: description,
    });
    return answer.split(" ")[0] ?? "";
  }
  const runs = async (job: string) =>
    jobRuns(await sandbox.accessPoint.run(["cat", `${HOME}/lease.log`])).filter((run) => run.job === job);
  const runsOn = (job: string, instanceId: string) =>
    eventually(`job ${job} runs on ${instanceId}`, 60, async () => {
      const host = await sandbox.accessPoint.run(["condor_q", "-allusers", job, "-af", "RemoteHost"]);
      assert.ok(host.includes(`@${instanceId}`), host);
    });
  const end = async (instanceId: string) =>
    (await sandbox.terminationLog()).find((one) => one.instanceId === instanceId);
  const endsItself = async (instanceId: string): Promise<number> => {
    await eventually(`${instanceId} ends itself`, 120, async () => {
      assert.equal((await end(instanceId))?.by, "instance");
    });
    return (await end(instanceId))?.time ?? 0;
  };
  const ends = async (job: string) => (await runs(job)).map(({ instanceId, end: how }) => [instanceId, how]);
  async function completesElsewhere(job: string, node: string, other: string, ended: number): Promise<void> {
    await eventually(`${job} is done`, 90, async () =>
      assert.deepEqual(await ends(job), [
        [node, "lost"],
        [other, "completed"],
      ]),
    );
    const both = await runs(job);
    assert.ok((both[0]?.ended ?? 0) <= ended + 1, "it was back in the queue before the power went");
    const notes = await sandbox.accessPoint.run(["cat", `${HOME}/trail.${job}`]);
    const [seconds = 0] = lostSeconds(both, notes);
    assert.ok(seconds <= MOST_LOST_SECONDS, `${job} lost ${seconds} s: ${JSON.stringify(both)} ${notes}`);
  }
  const says = (instanceId: string, attribute: string) =>
    eventually(`${instanceId} says ${attribute}`, 60, async () => {
      const here = `CloudInstanceID == "${instanceId}" && PartitionableSlot`;
      const answer = await sandbox.accessPoint.run(["condor_status", "-constraint", here, "-af", attribute]);
      assert.equal(answer.trim(), "true");
    });

  test("a node's START takes what would finish there, and what the hook orders for is taken by a new instance", async () => {
    const start = (await sandbox.machine(served).run(["condor_config_val", "START"])).trim();
    const knobs = annex({ leaseSeconds: 3600, drainSeconds: 40, expectedRuntime: "ExpectedSeconds" });
    const filter = demandExpression(knobs, "cm.pool.test");
    const cases: readonly (readonly [
      left: number | undefined,
      expected: string,
      also: string,
      start: boolean,
    ])[] = [
      [undefined, "undefined", "", true],
      [undefined, "1e9", "", true],
      [300, "undefined", "", true],
      [300, '"soon"', "", true],
      [300, "280", "", true],
      [300, "295", "", false],
      [30, "undefined", "", false],
      [30, "2", "", true],
      [30, "14", "", false],
      [300, "2", "AnnexReleased = true", false],
      [300, "2", "AnnexReleased = false", true],
      [300, "2", "AnnexRebalanceRecommended = true", false],
      // A new instance, as late as it may be.
      [3000, "2983", "", true],
      [3000, "2984", "", false],
    ];
    // Attributes have no scope, so slot and job may stand in one ad.
    const ads = cases.map(([left, expected, also], index) =>
      [
        `Name = "${index}"`,
        'MyType = "Machine"',
        "MayUseAWS = true",
        'UpdraftSchedd = "cm.pool.test"',
        `ExpectedSeconds = ${expected}`,
        ...(left === undefined ? [] : [`AnnexEndsAt = time() + ${left}`]),
        also,
        "",
      ].join("\n"),
    );
    await sandbox.accessPoint.writeFile("/tmp/slots.ads", ads.join("\n"));
    const query = ["condor_status", "-ads", "/tmp/slots.ads", "-af:,", "Name", start, filter];
    const answers = new Map(
      (await sandbox.accessPoint.run(query))
        .trim()
        .split("\n")
        .map((line) => line.split(",").map((cell) => cell.trim()))
        .map(([index = "", starts, ordered]) => [Number(index), { starts, ordered }]),
    );
    cases.forEach(([left, expected, , starts], index) => {
      const answer = answers.get(index);
      assert.equal(answer?.starts, String(starts), `${expected} with ${left} s left`);
      if (left === 3000) assert.equal(answer.ordered, String(starts), expected);
    });
  });

  test("a released node that nobody has claimed ends itself, and leaves no ad behind", async () => {
    const [idle = ""] = nodes;
    await tag(sandbox, idle, "htcondor:Release", "surplus");
    await eventually("the released node ends itself", 30, async () => {
      assert.equal((await end(idle))?.by, "instance");
    });
    const ads = await sandbox.accessPoint.run(["condor_status", "-any", "-af", "CloudInstanceID"]);
    assert.ok(!ads.includes(idle), ads);
  });

  describe("at the same time", { concurrency: true }, () => {
    test("a released node that is claimed serves on and takes no further job until the release is withdrawn", async () => {
      const [, node = ""] = nodes;
      const first = await submit(1000, { cpus: 1, on: node });
      await runsOn(first, node);
      await tag(sandbox, node, "htcondor:Release", "surplus");
      await says(node, "AnnexReleased");
      const second = await submit(5, { cpus: 1, on: node });
      await sleep(PASSED_OVER_SECONDS * 1000);
      assert.deepEqual(await ends(second), []);
      assert.equal(await end(node), undefined);
      await runsOn(first, node);
      await tag(sandbox, node, "htcondor:Release", "");
      await eventually("the second job runs after all", 60, async () =>
        assert.deepEqual(await ends(second), [[node, "completed"]]),
      );
      await sandbox.accessPoint.run(["condor_rm", first]);
    });

    test("jobs of a node whose lease ends go back to the queue in time, complete elsewhere, and lose no more than since their last checkpoint", async () => {
      const [, , node = "", other = ""] = nodes;
      const terms = { on: node, later: other, cpus: 1 };
      const jobs = [
        await submit(40, { ...terms, kind: "saves files" }),
        await submit(40, { ...terms, kind: "checkpoints itself" }),
      ];
      for (const job of jobs) await runsOn(job, node);
      const lease = Math.round(now()) + 38;
      await tag(sandbox, node, "htcondor:LeaseExpiration", String(lease));
      const ended = await endsItself(node);
      assert.ok(ended <= lease + 5, `${ended} for ${lease}`);
      for (const job of jobs) await completesElsewhere(job, node, other, ended);
    });

    test("a node that EC2 recommends to replace takes no further job, and an interruption hands back what runs", async () => {
      const [, , , , node = "", other = ""] = nodes;
      const job = await submit(120, { on: node, later: other, cpus: 1, kind: "saves files" });
      await runsOn(job, node);
      await sandbox.recommendRebalance(node);
      await says(node, "AnnexRebalanceRecommended");
      const further = await submit(1, { cpus: 1, on: node });
      await sleep(PASSED_OVER_SECONDS * 1000);
      assert.deepEqual(await ends(further), []);
      await runsOn(job, node);
      await sandbox.accessPoint.run(["condor_rm", further]);
      const notice = now() + 40;
      await sandbox.interruptSpot(node, 40);
      const ended = await endsItself(node);
      assert.ok(ended < notice, `${ended} for ${notice}`);
      await completesElsewhere(job, node, other, ended);
    });

    test("a claim is used again for a job that will finish, and not for one that will not", async () => {
      const [, , , , , , node = ""] = nodes;
      const first = await submit(30, { on: node, expected: 30 });
      await runsOn(first, node);
      // The schedd believes what the slot said when it was matched; the node knows better.
      await tag(sandbox, node, "htcondor:LeaseExpiration", String(Math.round(now()) + 110));
      const long = await submit(100, { on: node, expected: 100 });
      const short = await submit(2, { on: node, expected: 2 });
      await eventually("the short job is done", 85, async () =>
        assert.deepEqual(await ends(short), [[node, "completed"]]),
      );
      assert.deepEqual(await ends(first), [[node, "completed"]]);
      await endsItself(node);
      assert.deepEqual(await ends(long), []);
      await sandbox.accessPoint.run(["condor_rm", long]);
    });

    test("a stop of HTCondor does not end the instance, and idleness still does once it runs again", async () => {
      const machine = sandbox.machine(served);
      const job = await submit(1000, { on: served });
      await runsOn(job, served);
      const lasting = `CloudInstanceID == "${served}" && time() - DaemonStartTime > 62`;
      await eventually("HTCondor has run for a minute", 90, async () =>
        assert.notEqual(
          await sandbox.accessPoint.run(["condor_status", "-master", "-constraint", lasting]),
          "",
        ),
      );
      const gone = (why: string) =>
        eventually(`HTCondor has ended by ${why}`, 30, async () =>
          assert.equal((await machine.exec(["pgrep", "-x", "condor_master"])).exitCode, 1),
        );
      await machine.run(["condor_off", "-fast", "-startd"]);
      await sandbox.accessPoint.run(["condor_rm", job]);
      await gone("condor_off");
      for (const signal of ["-TERM", "-QUIT"]) {
        await machine.run(["condor_master"]);
        await sleep(3000);
        await machine.run(["pkill", signal, "-x", "condor_master"]);
        await gone(signal);
      }
      await machine.run(["condor_master"]);
      await sleep(3000);
      await machine.run(["condor_restart"]);
      await sleep(5000);
      assert.equal(await end(served), undefined);
      await eventually("it is back", 30, async () => {
        const back = `CloudInstanceID == "${served}" && State == "Unclaimed" && AnnexGuarded`;
        assert.notEqual(await sandbox.accessPoint.run(["condor_status", "-constraint", back]), "");
      });
      await endsItself(served);
      assert.match(await sandbox.consoleOutput(served), /no slot was claimed for too long: powering off/);
    });
  });
});
