import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import {
  AttachRolePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  IAMClient,
  RemoveRoleFromInstanceProfileCommand,
} from "@aws-sdk/client-iam";
import {
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { DeleteStackCommand, CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { bucket } from "../../adapters/bucket.ts";
import { cloudFormation } from "../../adapters/cloudformation.ts";
import { ec2Ground } from "../../adapters/ec2-ground.ts";
import { ec2 } from "../../adapters/ec2.ts";
import { iam } from "../../adapters/iam.ts";
import { s3 } from "../../adapters/s3.ts";
import { disableRule } from "../../adapters/schedule.ts";
import type { Journal } from "../../core/journal.ts";
import { setUpAccount, setUpAnnex } from "../../core/setup.ts";
import {
  planTearDownAccount,
  planTearDownAnnex,
  proveGone,
  tearDownAccount,
  tearDownAnnex,
} from "../../core/teardown.ts";
import { accountTemplate } from "../../lambda/account.template.ts";
import { annexTemplate } from "../../lambda/annex.template.ts";
import { difference } from "../../bench/campaigns/account-world.ts";
import { speakTo, testCloud, type TestCloud } from "../sandbox/cloud/harness.ts";
import { SITE, annex } from "../support/knobs.ts";

const REGION = "us-east-1";
const CLOUDFORMATION = "cloudformation.amazonaws.com";
const clock = {
  now: () => Date.now() / 1000,
  sleep: (seconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, seconds * 50)),
};
const JOURNAL: Journal = {
  read: async () => ({ entries: [], unreadable: [] }),
  write: async () => {},
  remove: async () => {},
};
const ENFORCER = readFileSync(new URL("../../dist/lambda/index.js", import.meta.url), "utf8");
const TERMS = { region: REGION, boundary: undefined, maxLeaseSeconds: undefined, alarmEmail: undefined };
const ANNEX_TERMS = {
  boundary: undefined,
  program: { bytes: new Uint8Array([1]), sha256: "ab" },
  template: () => annexTemplate(() => "#!/bin/sh\n"),
};

describe("setup and teardown in an account where something goes wrong", () => {
  let world: TestCloud;
  let subnets: string[];
  const said: string[] = [];
  const ports = () => ({
    clock,
    journal: JOURNAL,
    cloudFormation: cloudFormation(REGION, clock, (line) => said.push(line)),
    ec2: ec2(REGION),
    ground: ec2Ground(REGION),
    iam: iam(REGION),
    storage: (name: string, account: string) => s3(REGION, name, account),
    bucket: (name: string, account: string) => bucket(REGION, name, account),
    disableRule: (name: string) => disableRule(REGION, name),
    account: async () => world.cloud.accountId,
    imageId: async (image: string) => image,
    report: (line: string) => said.push(line),
  });
  const setUpRegion = () => setUpAccount(ports(), TERMS, accountTemplate(ENFORCER));
  const knobs = (changes = {}) => annex({ subnets, ...changes });
  const setUp = (changes = {}) => setUpAnnex(ports(), knobs(changes), SITE, ANNEX_TERMS);
  const tearDown = async () => {
    const plan = await planTearDownAnnex(ports(), "burst", REGION, SITE);
    const removed = await tearDownAnnex(ports(), plan);
    return proveGone(ports(), plan, removed, "burst");
  };
  const tearDownRegion = async () => {
    const plan = await planTearDownAccount(ports(), REGION);
    const removed = await tearDownAccount(ports(), plan);
    return { plan, removed, proof: await proveGone(ports(), plan, removed, undefined) };
  };
  const nameOf = async (kind: string, pattern: RegExp): Promise<string> => {
    const found = (await world.cloud.inventory())[kind]?.find((one) => pattern.test(one)) ?? "";
    return found.slice(found.lastIndexOf("/") + 1);
  };

  before(async () => {
    world = await testCloud();
    const { cloud } = world;
    speakTo(cloud);
    subnets = (await cloud.subnets()).slice(0, 1).map(({ subnetId }) => subnetId);
  });
  after(() => world.stop());

  test("the limit of stacks is told as what it is, and setup goes on when there is room", async () => {
    const message = "Limit for stack has been exceeded";
    const fault = { service: "cloudformation", action: "CreateStack", status: 400, message } as const;
    const id = world.cloud.addFault({ ...fault, kind: "error", code: "LimitExceededException" });
    await assert.rejects(setUpRegion(), {
      kind: "capacity",
      message: /could not create the stack updraft: Limit for stack/,
      remedy: /limit of CloudFormation stacks .* is reached/,
    });
    world.cloud.removeFault(id);
    assert.equal((await setUpRegion()).changed, true);
  });

  test("what does not exist is told before a stack is made", async () => {
    await assert.rejects(setUp({ keyName: "lost" }), /there is no key pair lost/);
    await assert.rejects(setUp({ subnets: ["subnet-00000000000000000"] }), /subnet-00000000000000000/);
    assert.deepEqual((await world.cloud.inventory())["stacks"], ["updraft"]);
  });

  test("EC2's role for spot instances is made once, and there already is as good", async () => {
    await setUp({ purchase: "spot" });
    const roles = (await world.cloud.inventory())["roles"] ?? [];
    assert.ok(roles.includes("/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"));
    assert.equal(await ports().iam.createSpotRole(), false);
    await setUp({ purchase: "spot" });
  });

  test("a deletion that fails because something still uses the role is tried again", async () => {
    world.cloud.addFault({
      service: "iam",
      action: "DeleteRole",
      principal: CLOUDFORMATION,
      kind: "error",
      code: "DeleteConflict",
      status: 409,
      message: "Cannot delete entity, must remove roles from instance profile first.",
      times: 1,
    });
    const { left } = await tearDown();
    assert.deepEqual(left, []);
    assert.match(
      said.join("\n"),
      /AWS::IAM::Role updraft-burst-Role-\w+ could not be deleted: .*must remove roles/,
    );
  });

  test("a role that somebody has given a policy is freed of it", async () => {
    await setUp();
    const RoleName = await nameOf("roles", /updraft-burst-Role/);
    const PolicyArn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    await new IAMClient({ region: REGION }).send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    assert.deepEqual((await tearDown()).left, []);
    assert.match(
      said.join("\n"),
      new RegExp(`taken from the role ${RoleName}.*AmazonSSMManagedInstanceCore`),
    );
  });

  test("a role that went first by somebody's hand is done without", async () => {
    await setUp();
    const RoleName = await nameOf("roles", /updraft-burst-Role/);
    const InstanceProfileName = (await nameOf("instance profiles", /updraft-burst/)).split(" ")[0];
    const client = new IAMClient({ region: REGION });
    await client.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }));
    await client.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: "node" }));
    await client.send(new DeleteRoleCommand({ RoleName }));
    world.cloud.addFault({
      service: "iam",
      action: "DeleteRole",
      principal: CLOUDFORMATION,
      kind: "error",
      code: "GeneralServiceException",
      status: 400,
      message: `The role with name ${RoleName} cannot be found.`,
      times: 1,
    });
    const { left } = await tearDown();
    assert.deepEqual(left, []);
    assert.match(said.join("\n"), /is gone already: the stack is deleted without it/);
  });

  test("a stack that somebody half deleted is set up again, and can be torn down", async () => {
    await setUp();
    world.cloud.addFault({
      service: "ec2",
      action: "DeleteSecurityGroup",
      principal: CLOUDFORMATION,
      kind: "error",
      code: "DependencyViolation",
      status: 400,
      message: "resource sg has a dependent object",
      times: 1,
    });
    const client = new CloudFormationClient({ region: REGION });
    await client.send(new DeleteStackCommand({ StackName: "updraft-burst" }));
    assert.equal((await ports().cloudFormation.settled("updraft-burst"))?.status, "DELETE_FAILED");
    assert.equal((await setUp()).changed, true);
    assert.equal((await ports().cloudFormation.stack("updraft-burst"))?.status, "CREATE_COMPLETE");
    assert.deepEqual((await tearDown()).left, []);
  });

  test("a bucket with old versions, marks and half an upload in it is emptied; who has the policies loses them", async () => {
    const client = new S3Client({ region: REGION, forcePathStyle: true });
    const Bucket = await nameOf("buckets", /updraft/);
    const VersioningConfiguration = { Status: "Enabled" } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    for (const Body of ["1", "2"])
      await client.send(new PutObjectCommand({ Bucket, Key: "reports/x", Body }));
    await s3(REGION, Bucket, world.cloud.accountId).remove(["reports/x"]);
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key: "bin/half" }));
    const hook = (await ports().cloudFormation.resources("updraft")).find(
      ({ logicalId }) => logicalId === "HookPolicy",
    );
    await world.cloud.createUser("alice", [hook?.id ?? ""]);
    const { plan, removed, proof } = await tearDownRegion();
    assert.deepEqual(
      plan.attachments.map(({ kind, name }) => [kind, name]),
      [["user", "alice"]],
    );
    assert.ok(removed.objects >= 4, `${removed.objects} objects`);
    assert.deepEqual(proof.left, []);
    assert.deepEqual(proof.kept, ["AWSServiceRoleForEC2Spot"]);
    assert.deepEqual((await world.cloud.inventory())["buckets"], []);
  });

  test("a bucket that somebody has deleted is told by setup, and teardown goes on without it", async () => {
    await setUpRegion();
    await setUp();
    const name = await nameOf("buckets", /updraft/);
    const { accountId } = world.cloud;
    await bucket(REGION, name, accountId).empty();
    await new S3Client({ region: REGION, forcePathStyle: true }).send(
      new DeleteBucketCommand({ Bucket: name }),
    );
    await assert.rejects(setUpRegion(), { kind: "config", message: new RegExp(`${name}.*is gone`) });
    await assert.rejects(setUp(), { kind: "config", message: new RegExp(`${name}.*is gone`) });
    assert.deepEqual((await tearDown()).left, []);
    assert.deepEqual((await tearDownRegion()).proof.left, []);
    await setUpRegion();
    assert.deepEqual((await tearDownRegion()).proof.left, []);
  });

  test("with a permissions boundary every role has it, and it holds", async () => {
    const document = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Sid: "Logs", Effect: "Allow", Action: "logs:*", Resource: "*" }],
    });
    await world.cloud.createUser("keeper", [], { boundary: document });
    const boundary = `arn:aws:iam::${world.cloud.accountId}:policy/for/keeper/boundary`;
    await setUpAccount(ports(), { ...TERMS, boundary }, accountTemplate(ENFORCER));
    const { payload } = await world.cloud.invoke("updraft-enforcer", {});
    assert.match(
      payload,
      /not authorized to perform: ec2:DescribeInstances .* no permissions boundary allows/,
    );
    const role = await nameOf("roles", /EnforcerRole/);
    const asked = (await world.cloud.authorizations()).filter(({ principal }) => principal.endsWith(role));
    assert.ok(asked.some(({ action, outcome }) => action === "logs:PutLogEvents" && outcome === "allow"));
    assert.deepEqual((await tearDownRegion()).proof.left, []);
  });

  test("nothing of all this is left", async () => {
    await world.cloud.removeUser("alice");
    await world.cloud.removeUser("keeper");
    const inventory = await world.cloud.inventory();
    for (const kind of [
      "stacks",
      "instance profiles",
      "policies",
      "launch templates",
      "functions",
      "buckets",
      "rules",
      "topics",
      "log groups",
      "alarms",
    ])
      assert.deepEqual(inventory[kind], [], kind);
    assert.deepEqual(difference({ roles: [] }, { roles: inventory["roles"] ?? [] }), [
      "+ roles: /aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
    ]);
  });
});
