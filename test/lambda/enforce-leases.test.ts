import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { bundleLambda } from "../../scripts/build/bundle.ts";
import { account, type Account, type FakeInstance } from "../support/account.ts";
import { PROJECT } from "../support/on-instance.ts";

const PREFIX = "arn:aws:iam::123456789012:instance-profile/updraft/";
const now = Math.round(Date.now() / 1000);

function instance(id: string, lease: number | undefined, profile = `${PREFIX}p`): FakeInstance {
  const tags: Record<string, string> = { "htcondor:AnnexName": "burst" };
  if (lease !== undefined) tags["htcondor:LeaseExpiration"] = String(lease);
  return { id, profile, launched: now - 3600, tags };
}

describe("the lease enforcer, as the bundle that the account runs", () => {
  let directory: string;
  let bundle: string;
  let aws: Account;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "updraft-lambda-"));
    bundle = await bundleLambda("lambda/enforce-leases.ts", join(directory, "index.js"));
  });
  after(() => rm(directory, { recursive: true }));
  beforeEach(async () => {
    aws = await account();
  });
  afterEach(() => aws.close());

  const run = (event: object = {}, change: Record<string, string> = {}) =>
    new Promise<{ failed: string; lines: string[]; result: unknown }>((resolve) => {
      const source = `require(${JSON.stringify(bundle)}).handler(${JSON.stringify(event)})
        .then((result) => process.stderr.write(JSON.stringify(result)), (error) => { process.stderr.write(error.message); process.exitCode = 1 })`;
      const env = {
        // The runtime brings the SDK; here it is the project's.
        NODE_PATH: `${PROJECT}/node_modules`,
        AWS_ENDPOINT_URL: aws.endpoint,
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: "ASIATEST",
        AWS_SECRET_ACCESS_KEY: "secret",
        PROFILE_PREFIX: PREFIX,
        MAX_LEASE_SECONDS: "86400",
        METRIC_STACK: "updraft",
        BUCKET: "the-bucket",
        TOPIC: "arn:aws:sns:us-east-1:123456789012:updraft",
        ...change,
      };
      execFile(process.execPath, ["-e", source], { env }, (error, output, errors) => {
        const result: unknown = error === null ? JSON.parse(errors) : undefined;
        resolve({ failed: error === null ? "" : errors, lines: output.split("\n").filter(Boolean), result });
      });
    });
  const metrics = (lines: string[]) =>
    lines.filter((line) => "CompleteSweep" in (JSON.parse(line) as object));

  it("ends what is over on any page, and nothing else, then says that the sweep was complete", async () => {
    aws.instances = [
      instance("i-runs", now + 3600),
      instance("i-foreign", 1, "arn:aws:iam::123456789012:instance-profile/other"),
      { id: "i-bare", launched: 1, tags: {} },
      instance("i-over", now - 60),
      { ...instance("i-leaseless", undefined), launched: now - 601 },
    ];
    aws.stored["/the-bucket/sweeps/last"] = JSON.stringify({ unreadable: { "i-leaseless": now - 601 } });
    const { failed, lines } = await run();
    assert.equal(failed, "");
    assert.deepEqual(aws.terminated, ["i-over", "i-leaseless"]);
    assert.equal(metrics(lines).length, 1);
    const last = JSON.parse(aws.stored["/the-bucket/sweeps/last"] ?? "{}") as Record<string, unknown>;
    assert.ok(Number(last["sweptAt"]) >= now && last["seen"] === 3);
    assert.equal(aws.published.length, 1);
    assert.match(aws.published[0]?.message ?? "", /^ended i-over \(annex burst\): lease ended 6\d s ago\n/);
  });

  it("gives an instance that has lost its lease ten minutes from the first sweep that saw it", async () => {
    aws.instances = [instance("i-lost", undefined)];
    assert.equal((await run()).failed, "");
    assert.deepEqual(aws.terminated, []);
    const key = "/the-bucket/sweeps/last";
    const last = JSON.parse(aws.stored[key] ?? "{}") as { unreadable: Record<string, number> };
    const since = last.unreadable["i-lost"] ?? 0;
    assert.ok(since >= now && since < now + 60);
    await run();
    assert.deepEqual(JSON.parse(aws.stored[key] ?? "{}").unreadable, { "i-lost": since });
    aws.stored[key] = JSON.stringify({ unreadable: { "i-lost": since - 700 } });
    await run();
    assert.deepEqual(aws.terminated, ["i-lost"]);
  });

  it("ends leases that are over when the bucket does not answer", async () => {
    aws.instances = [instance("i-over", now - 60), instance("i-lost", undefined)];
    aws.broken = ["GetObject", "PutObject"];
    assert.notEqual((await run()).failed, "");
    assert.deepEqual(aws.terminated, ["i-over"]);
  });

  it("says that the sweep was complete when there was nothing to do, and troubles nobody", async () => {
    const { failed, lines } = await run();
    assert.equal(failed, "");
    assert.equal(metrics(lines).length, 1);
    assert.deepEqual(aws.published, []);
  });

  it("ends the others around one that cannot be ended, tells, and does not call the sweep complete", async () => {
    aws.instances = ["i-1", "i-2", "i-3", "i-4", "i-5"].map((id) => instance(id, 1));
    aws.protectedIds = ["i-3"];
    const { failed, lines } = await run();
    assert.match(failed, /1 instances could not be ended: i-3/);
    assert.deepEqual(aws.terminated.sort(), ["i-1", "i-2", "i-4", "i-5"]);
    assert.deepEqual(metrics(lines), []);
    assert.deepEqual(aws.stored, {});
    assert.equal(aws.published[0]?.subject, "Updraft could not end 1 instances");
  });

  it("does not call the sweep complete when it could not look", async () => {
    aws.broken = ["DescribeInstances"];
    const { failed, lines } = await run();
    assert.notEqual(failed, "");
    assert.deepEqual([metrics(lines), aws.stored, aws.terminated], [[], {}, []]);
  });

  it("ends instances even when nobody can be told", async () => {
    aws.instances = [instance("i-over", 1)];
    aws.broken = ["Publish"];
    const { failed, lines } = await run();
    assert.equal(failed, "");
    assert.deepEqual(aws.terminated, ["i-over"]);
    assert.equal(metrics(lines).length, 1);
  });

  it("that is dry returns what it would end and touches nothing", async () => {
    aws.instances = [instance("i-over", 1)];
    const { result, lines } = await run({ dryRun: true });
    assert.deepEqual(
      (result as { ended: { id: string }[] }).ended.map(({ id }) => id),
      ["i-over"],
    );
    assert.deepEqual([aws.terminated, aws.stored, lines], [[], {}, []]);
  });

  it("does nothing at all when it is set up wrongly", async () => {
    aws.instances = [instance("i-over", 1)];
    for (const wrong of [
      { PROFILE_PREFIX: "" },
      { PROFILE_PREFIX: PREFIX.slice(0, -1) },
      { MAX_LEASE_SECONDS: "x" },
    ]) {
      assert.notEqual((await run({}, wrong)).failed, "");
    }
    assert.deepEqual(aws.terminated, []);
  });

  it("is small enough to stand inline in a template of the account", async () => {
    assert.ok((await stat(bundle)).size < 20_000);
  });
});
