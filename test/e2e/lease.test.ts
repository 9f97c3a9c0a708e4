import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { tag } from "../../bench/campaigns/ec2-query.ts";
import { jobRuns } from "../../bench/campaigns/job-events.ts";
import { jobs, plan as planJobs } from "../../bench/campaigns/jobs.ts";
import { bound, leases, leaseTable, plan } from "../../bench/campaigns/lease.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { eventually, setUp, succeed, type Instance } from "../support/updraft.ts";

const NAME = "e2e-lease";
const now = (): number => Date.now() / 1000;

describe("the end of a node", { timeout: 600_000 }, () => {
  let sandbox: Sandbox;
  let nodes: readonly string[];

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME });
    await setUp(sandbox, { burst: { DRAIN_SECONDS: "20" } });
    const order = ["--count", "3", "--lease", "20m", "--idle", "3m", "--yes", "--json"];
    const created = JSON.parse(await succeed(sandbox.accessPoint, "create", "burst", ...order)) as {
      instances: Instance[];
    };
    nodes = created.instances.map(({ id }) => id);
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  /** A job that takes a whole node; its number. */
  async function submit(seconds: number, instanceId?: string): Promise<string> {
    const where = instanceId === undefined ? "" : `requirements = CloudInstanceID == "${instanceId}"\n`;
    const description = `executable = /bin/sleep
transfer_executable = false
arguments = ${seconds}
request_cpus = 2
request_memory = 64
request_disk = 1024
should_transfer_files = yes
log = lease.log
+MayUseAWS = true
${where}queue
`;
    const said = await sandbox.accessPoint.run(["condor_submit", "-terse", "-"], {
      user: "alice",
      stdin: description,
    });
    return said.split(" ")[0] ?? "";
  }
  const runs = async () => jobRuns(await sandbox.accessPoint.run(["cat", "/home/alice/lease.log"]));
  const busy = (instanceId: string) =>
    eventually(`a job runs on ${instanceId}`, 40, async () => {
      const machine = sandbox.machine(instanceId);
      assert.equal((await machine.exec(["pgrep", "-x", "condor_starter"])).exitCode, 0);
    });
  const end = async (instanceId: string) =>
    (await sandbox.terminationLog()).find((one) => one.instanceId === instanceId);

  test("a released node that nobody has claimed ends itself, and leaves no ad behind", async () => {
    const [, , idle = ""] = nodes;
    await tag(sandbox, idle, "htcondor:Release", "surplus");
    await eventually("the released node ends itself", 30, async () => {
      assert.equal((await end(idle))?.by, "instance");
    });
    const ads = await sandbox.accessPoint.run(["condor_status", "-any", "-af", "CloudInstanceID"]);
    assert.ok(!ads.includes(idle), ads);
  });

  test("a released node that is claimed serves on, also once the release is withdrawn", async () => {
    const [node = ""] = nodes;
    await submit(1000, node);
    await busy(node);
    await tag(sandbox, node, "htcondor:Release", "surplus");
    await sleep(15_000);
    assert.equal(await end(node), undefined);
    await busy(node);
    await tag(sandbox, node, "htcondor:Release", "");
    await sandbox.accessPoint.run(["condor_rm", "-all"]);
    await sleep(12_000);
    assert.equal(await end(node), undefined);
    const free = `CloudInstanceID == "${node}" && PartitionableSlot && State == "Unclaimed"`;
    const ads = await sandbox.accessPoint.run(["condor_status", "-constraint", free, "-af", "Draining"]);
    assert.notEqual(ads, "", "the node is there for others");
  });

  test("a job whose node's lease ends goes back to the queue in time and completes elsewhere", async () => {
    const [short = "", long = ""] = nodes;
    const job = await submit(45);
    const lease = Math.round(now()) + 38;
    await eventually("the job runs", 30, async () => {
      const where = await sandbox.accessPoint.run(["condor_q", "-allusers", job, "-af", "RemoteHost"]);
      assert.match(where, /@i-/);
    });
    const first = (
      await sandbox.accessPoint.run(["condor_q", "-allusers", job, "-af", "RemoteHost"])
    ).includes(short)
      ? short
      : long;
    await tag(sandbox, first, "htcondor:LeaseExpiration", String(lease));
    await eventually("the node ends itself", 60, async () => {
      assert.equal((await end(first))?.by, "instance");
    });
    assert.ok(((await end(first))?.time ?? 0) <= lease + 5);
    await eventually("the job is done", 90, async () => {
      const mine = (await runs()).filter((run) => run.job === job);
      assert.deepEqual(
        mine.map(({ instanceId, end: how }) => [instanceId === first, how]),
        [
          [true, "lost"],
          [false, "completed"],
        ],
      );
    });
  });
});

describe("a campaign", { timeout: 900_000 }, () => {
  test("has the same plan for the same seed, with every cause in it", () => {
    assert.deepEqual(plan(60, 1), plan(60, 1));
    assert.notDeepEqual(plan(60, 1), plan(60, 2));
    assert.equal(new Set(plan(60, 1).map(({ cause }) => cause)).size, 11);
    assert.deepEqual(planJobs(120, 1), planJobs(120, 1));
    assert.equal(planJobs(120, 1).flatMap(({ seconds }) => seconds).length, 120);
  });

  test("of leases: none is outlived by more than allowed, whichever part of its node has died", async () => {
    const rows = await leases({ size: 4, seed: 125 });
    assert.equal(rows.length, 4);
    for (const { cause, lateSeconds } of rows) {
      assert.ok(lateSeconds <= bound(cause), `\n${leaseTable(rows)}`);
    }
  });

  test("of jobs: none is lost while nodes come and go", async () => {
    const rows = await jobs({ size: 12, seed: 1 });
    assert.deepEqual(
      rows.filter(({ completed }) => !completed),
      [],
    );
  });
});
