import assert from "node:assert/strict";
import { test } from "node:test";
import { removeStack } from "../../core/stack-removal.ts";
import { World, resource } from "../support/cloud.ts";

const failed = (logicalId: string, type: string, reason: string) =>
  resource(logicalId, type, `${logicalId}-1`, "DELETE_FAILED", reason);

function world(...failures: ReturnType<typeof failed>[][]) {
  const made = new World();
  made.deletionFailures.push(...failures);
  return { made, ports: { ...made.ports, ...made.surroundings, cloudFormation: made.cloudFormation } };
}

test("what is still in use is tried again, and said", async () => {
  const { made, ports } = world([
    failed("SecurityGroup", "AWS::EC2::SecurityGroup", "has a dependent object"),
  ]);
  const had = await removeStack(ports, "updraft-burst");
  assert.deepEqual(
    had.map(({ status }) => status),
    ["DELETE_COMPLETE"],
  );
  assert.deepEqual(made.said, [
    "AWS::EC2::SecurityGroup SecurityGroup-1 could not be deleted: has a dependent object",
    "deleting the stack updraft-burst again",
  ]);
});

test("a role to which somebody has given policies is freed of them, and they are named", async () => {
  const { made, ports } = world([
    failed(
      "Role",
      "AWS::IAM::Role",
      "Cannot delete entity, must detach all policies first. (DeleteConflict)",
    ),
  ]);
  await removeStack(ports, "updraft-burst");
  assert.deepEqual(made.deeds, [
    "delete stack updraft-burst",
    "clear role Role-1",
    "delete stack updraft-burst",
  ]);
  assert.match(made.said.join("\n"), /taken from the role Role-1.*arn:aws:iam::aws:policy\/Foreign/);
});

test("what went first by somebody's hand is left out of the next deletion", async () => {
  const { made, ports } = world([
    failed("Role", "AWS::IAM::Role", "The role with name updraft-burst-Role-1 cannot be found."),
  ]);
  const had = await removeStack(ports, "updraft-burst");
  assert.deepEqual(made.deeds, ["delete stack updraft-burst", "delete stack updraft-burst without Role"]);
  assert.deepEqual(
    had.map(({ status }) => status),
    ["DELETE_SKIPPED"],
  );
  assert.match(made.said.join("\n"), /is gone already: the stack is deleted without it/);
});

test("a bucket is emptied for whoever says that it may be, and for nobody else", async () => {
  const full = failed("Bucket", "AWS::S3::Bucket", "The bucket you tried to delete is not empty");
  const emptied: string[] = [];
  await removeStack(world([full]).ports, "updraft", async (name) => void emptied.push(name));
  assert.deepEqual(emptied, ["Bucket-1"]);
  const { made, ports } = world([full], [full], [full], [full], [full]);
  await assert.rejects(removeStack(ports, "updraft"), {
    kind: "failed",
    message: /could not be deleted: AWS::S3::Bucket Bucket-1: The bucket you tried to delete is not empty/,
    remedy: /Remove the cause/,
  });
  assert.equal(made.deeds.length, 5);
});

test("what is denied is not tried again: action and remedy are told", async () => {
  const { made, ports } = world([
    failed("Role", "AWS::IAM::Role", "User: x is not authorized to perform: iam:DeleteRole on resource: y"),
  ]);
  await assert.rejects(removeStack(ports, "updraft-burst"), {
    kind: "denied",
    message: /iam:DeleteRole/,
    remedy: /updraft setup --print-policy account/,
  });
  assert.equal(made.deeds.length, 1);
});
