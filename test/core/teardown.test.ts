import assert from "node:assert/strict";
import { test } from "node:test";
import { formatEntry } from "../../core/journal.ts";
import { formatOwner } from "../../core/owner.ts";
import {
  describeTeardown,
  isEmpty,
  planTearDownAccount,
  planTearDownAnnex,
  proveGone,
  refuseOrdering,
  tearDownAccount,
  tearDownAnnex,
} from "../../core/teardown.ts";
import { HOOK_POLICY, World, instance, resource } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";
import { SITE, annex } from "../support/knobs.ts";

const CLAIM = {
  annex: "burst",
  pool: "pool.test",
  schedd: "cm.pool.test",
  account: "123456789012",
  region: "us-east-1",
};

function world() {
  const made = new World();
  made.put("annexes/burst/owner", formatOwner(CLAIM));
  made.put("annexes/burst/annex.ini", "m");
  made.put("annexes/burst2/annex.ini", "m");
  made.put("reports/burst/x", "r");
  const ports = { ...made.ports, ...made.surroundings, cloudFormation: made.cloudFormation };
  return { made, ports, plan: () => planTearDownAnnex(ports, "burst", "us-east-1", SITE) };
}

test("an annex goes with its objects and its stack, and nothing else does", async () => {
  const { made, ports, plan } = world();
  const planned = await plan();
  assert.deepEqual(describeTeardown(planned), [
    "stack updraft-burst in us-east-1: 1 resources",
    "removed: 3 objects of updraft-bucket",
  ]);
  assert.deepEqual(made.deeds, []);
  const removed = await tearDownAnnex(ports, planned);
  assert.deepEqual(made.deeds, [
    "remove annexes/burst/annex.ini",
    "remove reports/burst/x",
    "remove annexes/burst/owner",
    "delete stack updraft-burst",
  ]);
  assert.equal(removed.objects, 3);
  assert.deepEqual([...made.objects.keys()], ["annexes/burst2/annex.ini"]);
  const proof = await proveGone(ports, planned, removed, "burst");
  assert.deepEqual(proof, {
    gone: [
      "stack updraft-burst",
      "AWS::IAM::Role updraft-burst-Role-1",
      "anything of EC2 with the tag of annex burst",
    ],
    left: [],
    kept: [],
  });
  const again = await plan();
  assert.ok(isEmpty(again));
  assert.match(
    describeTeardown(again).join(),
    /there is no stack updraft-burst in us-east-1, and nothing else/,
  );
});

test("an annex with instances, whosever they are, stays", async () => {
  const { made, plan } = world();
  made.instances = Array.from({ length: 7 }, (_, i) =>
    instance({ id: `i-${i}`, tags: { "htcondor:AnnexName": "burst", "htcondor:Pool": "other" } }),
  );
  await assert.rejects(plan(), { kind: "denied", message: /still has 7 instances: i-0.*, …/ });
});

test("another pool's annex stays", async () => {
  const { made, ports, plan } = world();
  made.put("annexes/burst/owner", formatOwner({ ...CLAIM, pool: "pool2.test" }));
  await assert.rejects(plan(), { kind: "denied" });
  await assert.rejects(planTearDownAnnex(ports, "burst", "us-east-1", { ...SITE, pool: "p3" }), {
    kind: "denied",
  });
});

test("an annex whose hook may order stays until that is switched off", () => {
  const acting = annex({ mode: "act" });
  const knobs = { stop: false } as never;
  assert.throws(() => refuseOrdering(acting, knobs), {
    kind: "config",
    message: /UPDRAFT_burst_MODE is act/,
    remedy: /UPDRAFT_burst_MODE = advise, or UPDRAFT_STOP = true/,
  });
  refuseOrdering(acting, { stop: true } as never);
  refuseOrdering(annex({ mode: "advise" }), knobs);
});

test("an annex stays while an order whose outcome is not known may still bring instances", async () => {
  const { made, plan } = world();
  const unknown = entry({ count: 2, orderedAt: made.now });
  made.journalFiles.set(unknown.orderId, formatEntry(unknown));
  await assert.rejects(plan(), {
    kind: "denied",
    message: /2 instances of orders/,
    remedy: /in ten minutes/,
  });
});

test("an annex in an account that is not set up any more still loses its stack", async () => {
  const { made, ports, plan } = world();
  made.stacks.delete("updraft");
  const planned = await plan();
  assert.equal(planned.bucket, undefined);
  await tearDownAnnex(ports, planned);
  assert.deepEqual(made.deeds, ["delete stack updraft-burst"]);
});

test("an annex whose bucket somebody has deleted still loses its stack, and objects without a stack go", async () => {
  const one = world();
  one.made.hasBucket = false;
  const planned = await one.plan();
  assert.match(one.made.said.join(), /the bucket updraft-bucket is gone already/);
  await tearDownAnnex(one.ports, planned);
  assert.deepEqual(one.made.deeds, ["delete stack updraft-burst"]);

  const other = world();
  other.made.stacks.delete("updraft-burst");
  const objects = await other.plan();
  assert.match(describeTeardown(objects).join(), /there is no stack updraft-burst in us-east-1 any more/);
  assert.deepEqual((await tearDownAnnex(other.ports, objects)).resources, []);
  assert.equal(other.made.text("annexes/burst/owner"), undefined);
});

test("a stack that was rolled back has nothing, and goes all the same", async () => {
  const { made, ports, plan } = world();
  made.objects.clear();
  made.stackResources.set("updraft-burst", [resource("Role", "AWS::IAM::Role", "r", "DELETE_COMPLETE")]);
  const planned = await plan();
  assert.ok(!isEmpty(planned));
  assert.deepEqual(planned.resources, []);
  await tearDownAnnex(ports, planned);
  assert.deepEqual(made.deeds, ["delete stack updraft-burst"]);
});

test("an account whose bucket never came to be is torn down", async () => {
  const { made, ports } = world();
  made.stacks.delete("updraft-burst");
  made.stackResources.set("updraft", [resource("Bucket", "AWS::S3::Bucket", "")]);
  const planned = await planTearDownAccount(ports, "us-east-1");
  assert.equal(planned.bucket, undefined);
  await tearDownAccount(ports, planned);
  assert.deepEqual(made.deeds, ["disable updraft-enforcer", "delete stack updraft"]);
});

test("the account is torn down after its annexes: schedule off, policies detached, bucket emptied, stack", async () => {
  const { made, ports } = world();
  const plan = () => planTearDownAccount(ports, "us-east-1");
  await assert.rejects(plan(), { kind: "denied", message: /still has the stacks updraft-burst/ });
  made.instances = [instance()];
  await assert.rejects(plan(), /still has 1 instances: i-1$/m);
  made.instances = [];
  made.stacks.delete("updraft-burst");
  made.attached.push({ policy: HOOK_POLICY.id, kind: "user", name: "alice" });
  const planned = await plan();
  assert.deepEqual(describeTeardown(planned), [
    "stack updraft in us-east-1: 2 resources",
    "detached: updraft-HookPolicy-1 from the user alice",
    "removed: the bucket updraft-bucket, whatever it holds",
  ]);
  const removed = await tearDownAccount(ports, planned);
  assert.deepEqual(made.deeds, [
    "disable updraft-enforcer",
    "detach user alice",
    "empty (4)",
    "delete stack updraft",
  ]);
  assert.equal(removed.objects, 4);
  assert.deepEqual(removed.attachments, planned.attachments);
  made.hasSpotRole = true;
  const proof = await proveGone(ports, planned, removed, undefined);
  assert.deepEqual([proof.left, proof.kept], [[], ["AWSServiceRoleForEC2Spot"]]);
  assert.ok(isEmpty(await plan()));
  assert.deepEqual((await tearDownAccount(ports, await plan())).resources, []);
});

test("what is left is found by asking, not believed", async () => {
  const { made, ports } = world();
  made.stacks.delete("updraft-burst");
  const planned = await planTearDownAccount(ports, "us-east-1");
  made.attached.push({ policy: HOOK_POLICY.id, kind: "role", name: "late" });
  made.tagged.set("old", [{ type: "security-group", id: "sg-1" }]);
  const odd = {
    attachments: [],
    objects: 0,
    resources: [resource("Queue", "AWS::SQS::Queue", "q", "DELETE_FAILED", "why")],
  };
  const { left } = await proveGone(ports, planned, odd, undefined);
  assert.deepEqual(
    left.map(({ type, id }) => `${type} ${id}`),
    [
      "stack updraft",
      "security-group sg-1",
      "bucket updraft-bucket",
      `attachment ${HOOK_POLICY.id} of role late`,
      "AWS::SQS::Queue q (why)",
    ],
  );
  made.instances = [instance()];
  const annexes = await proveGone(
    ports,
    planned,
    { ...odd, resources: [resource("Q", "T", "q", "DELETE_FAILED")] },
    "burst",
  );
  assert.deepEqual(
    annexes.left.map(({ type, id }) => `${type} ${id}`),
    [
      "stack updraft",
      "instance i-1",
      "object annexes/burst/owner",
      "object annexes/burst/annex.ini",
      `attachment ${HOOK_POLICY.id} of role late`,
      "T q",
    ],
  );
});

test("a bucket that the enforcer filled again is emptied again", async () => {
  const { made, ports } = world();
  made.stacks.delete("updraft-burst");
  made.deletionFailures.push([
    resource("Bucket", "AWS::S3::Bucket", "updraft-bucket", "DELETE_FAILED", "The bucket is not empty"),
  ]);
  await tearDownAccount(ports, await planTearDownAccount(ports, "us-east-1"));
  assert.deepEqual(made.deeds, [
    "disable updraft-enforcer",
    "empty (4)",
    "delete stack updraft",
    "empty (0)",
    "delete stack updraft",
  ]);
});
