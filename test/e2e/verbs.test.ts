import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { terminate } from "../../bench/campaigns/ec2-query.ts";
import { annexKnobs, configureAnnexes, imageId } from "../../sandbox/demo/annex.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { eventually, setUp, succeed, updraft } from "../support/updraft.ts";

const NAME = "e2e-verbs";

const KILLED_WHILE_ORDERING = `
updraft resize burst --count 3 --lease 20m --yes & run=$!
until ls /var/lib/updraft/order-*.json > /dev/null 2>&1; do sleep 0.05; done
kill -KILL $run`;

type Row = {
  readonly id: string;
  readonly state: string;
  readonly released: boolean;
  readonly leaseExpiration?: number;
  readonly idleSince?: number;
  readonly jobs: readonly string[];
  readonly worstLeft?: number;
};

type Status = {
  readonly instances: readonly Row[];
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly bootReports: readonly { id: string; state: string; report: string }[];
};

type Resized = {
  readonly resize: Readonly<Record<string, unknown>>;
  readonly orders: readonly { readonly instances: readonly string[] }[];
  readonly ended: readonly string[];
  readonly instances: readonly Row[];
};

describe("an annex that is planned, resized, renewed and watched", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;

  const answer = async <T>(...args: readonly string[]): Promise<T> =>
    JSON.parse(await succeed(sandbox.accessPoint, ...args, "--json")) as T;
  const status = (): Promise<Status> => answer("status", "burst");
  const inState = async (state: string): Promise<Row[]> =>
    (await status()).instances.filter((one) => one.state === state);

  /** Requests since then that change something in the cloud, by action. */
  async function changes(since: number): Promise<string[]> {
    return (await sandbox.requests())
      .filter(({ time, action }) => time >= since && /^(Create|Put|Delete|Terminate|Run|Update)/.test(action))
      .filter(({ principal }) => principal.endsWith("user/administrator"))
      .map(({ action }) => action);
  }

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME });
    await setUp(sandbox, { burst: { MAX_PRICE: "0.12", MAX_LIABILITY: "20", DRAIN_SECONDS: "20" } });
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  test("a plan says all that create would do, and it and every dry run change nothing", async () => {
    const since = Date.now() / 1000;
    const planned = await answer<{ plan: Record<string, unknown>; orders: unknown[] }>(
      "plan",
      "burst",
      "--count",
      "3",
      "--lease",
      "20m",
    );
    assert.deepEqual([planned.plan["count"], planned.plan["leaseSeconds"], planned.orders], [3, 1200, []]);
    const dry = await answer<typeof planned>(
      "create",
      "burst",
      "--count",
      "3",
      "--lease",
      "20m",
      "--dry-run",
    );
    for (const one of [planned, dry]) delete one.plan["leaseExpiration"];
    assert.deepEqual(dry, planned);
    for (const args of [
      ["publish", "burst"],
      ["resize", "burst", "--count", "2"],
      ["renew", "burst"],
      ["delete", "burst"],
    ])
      await succeed(sandbox.accessPoint, ...args, "--dry-run");
    assert.deepEqual(await changes(since), []);
    assert.deepEqual(await sandbox.instances(), []);
  });

  test("up orders what is missing, once though it is killed and repeated, and list tells what has changed", async () => {
    type Listed = { annexes: { setUp: boolean; published: boolean; alive: number }[] };
    const listed = async () => (await answer<Listed>("list")).annexes[0];
    const before = await listed();
    assert.deepEqual([before?.setUp, before?.published, before?.alive], [true, false, 0]);
    // The order does not reach EC2: the run is killed while it is under way.
    await sandbox.addFault({ service: "ec2", action: "CreateFleet", kind: "timeout", seconds: 5, times: 1 });
    await sandbox.accessPoint.run(["sh", "-c", KILLED_WHILE_ORDERING], { timeoutSeconds: 60 });
    assert.deepEqual(await sandbox.instances(), []);
    await succeed(sandbox.accessPoint, "resize", "burst", "--count", "3", "--yes");
    await eventually("three are idle", 60, async () => assert.equal((await inState("idle")).length, 3));
    assert.equal((await sandbox.instances()).length, 3);
    const now = await listed();
    assert.deepEqual([now?.setUp, now?.published, now?.alive], [true, true, 3]);
  });

  test("a busy one is not released on the way down", async () => {
    await submit(1000);
    const [busy] = await eventually("one is busy", 40, async () => {
      const found = await inState("claimed");
      assert.equal(found.length, 1);
      return found;
    });
    const shrunk = await answer<Resized>("resize", "burst", "--count", "0", "--yes");
    assert.equal(shrunk.ended.length, 2);
    assert.ok(!shrunk.ended.includes(busy?.id ?? ""));
    assert.deepEqual(
      shrunk.instances.filter((one) => one.state !== "ending").map(({ id, released }) => [id, released]),
      [[busy?.id, false]],
    );
    const refused = await updraft(sandbox.accessPoint, ["resize", "burst", "--count", "0", "--yes"]);
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /1 instance is busy\n {2}Give --busy/);
    assert.deepEqual(
      (await sandbox.terminationLog()).map(({ by }) => by),
      ["instance", "instance"],
    );
  });

  test("with leave a busy one is released, and stays after all when the annex grows again", async () => {
    await answer("resize", "burst", "--count", "0", "--busy", "--yes");
    const [released] = (await status()).instances.filter((one) => one.released && one.state === "claimed");
    assert.equal(released?.jobs.length, 1);
    const up = await answer<Resized>("resize", "burst", "--count", "2", "--lease", "20m", "--yes");
    assert.deepEqual(up.resize["withdraw"], [released?.id]);
    assert.equal(up.orders.flatMap((order) => order.instances).length, 1);
    assert.ok(up.instances.every((one) => !one.released || one.state === "ending"));
  });

  test("a renewed lease is read back and kept by the node; nothing is shortened unasked or in the last minutes", async () => {
    const [idle] = await inState("idle");
    const until = Math.floor(Date.now() / 1000) + 3600;
    const time = new Date(until * 1000).toISOString().replace(/\.\d+Z$/, "Z");
    type Renewed = { instances: { id: string; outcome: string; leaseExpiration: number }[] };
    const { instances } = await answer<Renewed>("renew", "burst", "--until", time, "--yes");
    assert.deepEqual(
      instances.map(({ outcome, leaseExpiration }) => [outcome, leaseExpiration]),
      [
        ["renewed", until],
        ["renewed", until],
      ],
    );
    const kept = await answer<Renewed>("renew", "burst", "--lease", "30m", "--yes");
    assert.deepEqual([...new Set(kept.instances.map(({ outcome }) => outcome))], ["kept"]);
    const node = sandbox.machine(idle?.id ?? "");
    await eventually("the guard knows the new lease", 20, async () => {
      const { guard } = JSON.parse(await node.run(["cat", "/run/updraft/node.json"])) as {
        guard: { endsAt: number };
      };
      assert.equal(guard.endsAt, until);
    });
    const only = ["--instance", idle?.id ?? "", "--yes"];
    await succeed(sandbox.accessPoint, "renew", "burst", "--lease", "2m", "--shorten", ...only);
    const late = await updraft(sandbox.accessPoint, ["renew", "burst", "--lease", "1h", ...only]);
    assert.equal(late.exitCode, 1);
    assert.match(late.stdout, /left alone, its lease ends in (2m|1m\d+s): in the last 5m/);
    const dear = await updraft(sandbox.accessPoint, ["renew", "burst", "--lease", "7d", "--yes"]);
    assert.equal(dear.exitCode, 5);
    assert.match(dear.stderr, /MAX_LIABILITY allows 20/);
  });

  test("status tells what is lost, what is a ghost, and what a failed boot said", async () => {
    const [idle] = await inState("idle");
    const [busy] = await inState("claimed");
    await sandbox.machine(idle?.id ?? "").powerCut();
    await terminate(sandbox, idle?.id ?? "");
    await sandbox.accessPoint.run(["condor_hold", "-all"]);
    await sandbox.machine(busy?.id ?? "").run(["sh", "-c", "kill -QUIT $(pgrep -x condor_master)"]);
    await configureAnnexes(sandbox.accessPoint, {
      burst: { ...(await annexKnobs(sandbox)), MAX_PRICE: "0.12", IMAGE_ID: imageId("plain") },
    });
    const failed = await updraft(sandbox.accessPoint, ["create", "burst", "--count", "1", "--yes", "--json"]);
    assert.equal(failed.exitCode, 1);
    await eventually("all three are told", 30, async () => {
      const { instances, counts, bootReports } = await status();
      const states = new Map(instances.map(({ id, state }) => [id, state]));
      assert.deepEqual([states.get(idle?.id ?? ""), states.get(busy?.id ?? "")], ["ghost", "lost"]);
      assert.deepEqual([counts["burst"]?.["ghost"], counts["burst"]?.["lost"]], [1, 1]);
      assert.equal(bootReports.length, 1);
      assert.match(bootReports[0]?.report ?? "", /HtcondorFound: the image has no HTCondor/);
    });
    const table = await succeed(sandbox.accessPoint, "status", "burst");
    assert.match(table, /ghost .*EC2 has terminated it, but the collector shows its slots/);
    assert.match(table, /lost .*it had joined, and the collector shows no slot of it/);
    assert.match(table, /worst case left 0\.\d\d USD/);
  });

  test("watching tells each change once and ends when nothing lives any more", async () => {
    const { accessPoint } = sandbox;
    const watching = accessPoint.exec(["sh", "-c", "updraft status burst --watch > /tmp/watched"], {
      timeoutSeconds: 120,
    });
    await eventually("it has looked once", 20, async () => {
      assert.match(await accessPoint.run(["cat", "/tmp/watched"]), / lost$/m);
    });
    await succeed(accessPoint, "delete", "burst", "--yes");
    assert.equal((await watching).exitCode, 0);
    const told = await accessPoint.run(["cat", "/tmp/watched"]);
    const lines = told.trim().split("\n");
    assert.equal(new Set(lines).size, lines.length, told);
  });

  async function submit(seconds: number): Promise<void> {
    const description = `executable = /bin/sleep
transfer_executable = false
arguments = ${seconds}
request_cpus = 2
request_memory = 64
request_disk = 1024
should_transfer_files = yes
log = /dev/null
+MayUseAWS = true
queue
`;
    await sandbox.accessPoint.run(["condor_submit", "-terse", "-"], { user: "alice", stdin: description });
  }
});
