import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CloudFormationClient,
  UpdateStackCommand,
  DescribeStackEventsCommand,
  ListStackResourcesCommand,
} from "@aws-sdk/client-cloudformation";
import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  DescribeLogGroupsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateFleetCommand,
  CreateTagsCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeLaunchTemplatesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  EC2Client,
  GetConsoleOutputCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  paginateDescribeInstances,
  type CreateFleetCommandInput,
  type CreateFleetCommandOutput,
} from "@aws-sdk/client-ec2";
import { ListRulesCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import {
  IAMClient,
  ListInstanceProfilesCommand,
  ListPoliciesCommand,
  ListRolesCommand,
} from "@aws-sdk/client-iam";
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
} from "@aws-sdk/client-lambda";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { ListTopicsCommand, SNSClient } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { zipOf } from "../../../sandbox/cloud/functions/zip.ts";
import type { Credentials } from "../../../sandbox/cloud/ports.ts";
import {
  createStack,
  deleteStack,
  eventually,
  IMAGE,
  outputs,
  settled,
  template,
  testCloud,
  type TestCloud,
} from "./harness.ts";

let box: TestCloud;
let account: Record<string, string>;
let annex: Record<string, string>;
let hook: EC2Client;
let operator: EC2Client;
let administrator: ReturnType<typeof all>;

function all(credentials: Credentials) {
  const configuration = { region: "us-east-1", endpoint: box.cloud.endpoint, credentials, maxAttempts: 1 };
  return {
    cloudformation: new CloudFormationClient(configuration),
    cloudwatch: new CloudWatchClient(configuration),
    ec2: new EC2Client(configuration),
    events: new EventBridgeClient(configuration),
    iam: new IAMClient(configuration),
    lambda: new LambdaClient(configuration),
    logs: new CloudWatchLogsClient(configuration),
    s3: new S3Client(configuration),
    sns: new SNSClient(configuration),
    sts: new STSClient(configuration),
  };
}

const named = (name: string) => (error: unknown) => {
  assert.equal((error as Error).name, name, String(error));
  return true;
};

const LEASE = String(Math.floor(Date.now() / 1000) + 3600);

async function order(change: Partial<CreateFleetCommandInput> = {}): Promise<CreateFleetCommandInput> {
  const [first, second] = await box.cloud.subnets();
  return {
    Type: "instant",
    TargetCapacitySpecification: { TotalTargetCapacity: 3, DefaultTargetCapacityType: "spot" },
    SpotOptions: { AllocationStrategy: "price-capacity-optimized" },
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: {
          LaunchTemplateId: annex["LaunchTemplate"],
          Version: annex["LaunchTemplateVersion"],
        },
        Overrides: [
          { InstanceType: "c5.large", SubnetId: first?.subnetId, ImageId: IMAGE },
          { InstanceType: "m5.large", SubnetId: second?.subnetId, ImageId: IMAGE },
        ],
      },
    ],
    TagSpecifications: [
      {
        ResourceType: "instance",
        Tags: [
          { Key: "htcondor:AnnexName", Value: "burst" },
          { Key: "htcondor:Pool", Value: "pool.test" },
          { Key: "htcondor:LeaseExpiration", Value: LEASE },
        ],
      },
    ],
    ...change,
  };
}

const idsOf = (fleet: CreateFleetCommandOutput): string[] =>
  (fleet.Instances ?? []).flatMap((i) => i.InstanceIds ?? []);

describe("The sandbox's cloud", { timeout: 180_000 }, () => {
  before(async () => {
    box = await testCloud();
    administrator = all(box.cloud.administrator);
    const stack = await createStack(administrator.cloudformation, "updraft", template("account"));
    const events = await administrator.cloudformation.send(
      new DescribeStackEventsCommand({ StackName: "updraft" }),
    );
    assert.equal(
      stack.StackStatus,
      "CREATE_COMPLETE",
      JSON.stringify(
        events.StackEvents?.filter((e) => e.ResourceStatus?.includes("FAILED")),
        null,
        1,
      ),
    );
    account = outputs(stack);
    const [subnet] = await box.cloud.subnets();
    const second = await createStack(administrator.cloudformation, "updraft-burst", template("annex"), {
      Annex: "burst",
      Pool: "pool.test",
      Bucket: account["Bucket"] ?? "",
      VpcId: subnet?.vpcId ?? "",
    });
    assert.equal(second.StackStatus, "CREATE_COMPLETE", second.StackStatusReason);
    annex = outputs(second);
    hook = all(await box.cloud.createUser("hook", [account["HookPolicy"] ?? ""])).ec2;
    operator = all(
      await box.cloud.createUser("operator", [account["HookPolicy"] ?? "", account["OperatorPolicy"] ?? ""]),
    ).ec2;
  });
  after(() => box.stop());

  test("A stack keeps the paths of its roles and profiles and says its outputs", () => {
    assert.match(annex["Role"] ?? "", /^arn:aws:iam::123456789012:role\/updraft\/updraft-burst-Role-/);
    assert.match(annex["Profile"] ?? "", /^arn:aws:iam::123456789012:instance-profile\/updraft\//);
    assert.match(annex["RoleId"] ?? "", /^AROA/);
    assert.equal(annex["LaunchTemplateVersion"], "1");
    assert.match(account["Bucket"] ?? "", /^updraft-bucket-[0-9a-f]+$/);
  });

  test("A launch template is given back as it was made", async () => {
    const { LaunchTemplateVersions } = await hook.send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateId: annex["LaunchTemplate"],
        Versions: ["1"],
      }),
    );
    const data = LaunchTemplateVersions?.[0]?.LaunchTemplateData;
    assert.equal(data?.MetadataOptions?.HttpTokens, "required");
    assert.equal(data?.IamInstanceProfile?.Arn, annex["Profile"]);
    assert.deepEqual(data?.NetworkInterfaces?.[0]?.Groups, [annex["SecurityGroup"]]);
    assert.equal(data?.NetworkInterfaces?.[0]?.AssociatePublicIpAddress, false);
    assert.equal(Buffer.from(data?.UserData ?? "", "base64").toString(), "#!/bin/sh\n: placeholder\n");
  });

  test("A fleet launches no spot above an override's price, and on-demand the cheapest until its total is reached", async () => {
    const capped = await order({ ClientToken: "capped" });
    const [c5, m5] = capped.LaunchTemplateConfigs?.[0]?.Overrides ?? [];
    box.cloud.settings({ spotPrices: { "c5.large": 0.09, "m5.large": 0.03 } });
    Object.assign(c5 ?? {}, { MaxPrice: "0.05" });
    Object.assign(m5 ?? {}, { MaxPrice: "0.05" });
    const spot = await hook.send(new CreateFleetCommand(capped));
    box.cloud.settings({ spotPrices: {} });
    assert.deepEqual(
      spot.Instances?.map((i) => [i.InstanceType, i.InstanceIds?.length]),
      [["m5.large", 3]],
    );
    assert.deepEqual(
      spot.Errors?.map((e) => [e.ErrorCode, e.ErrorMessage]),
      [
        [
          "SpotMaxPriceTooLow",
          "Your Spot request price of 0.05 is lower than the minimum required Spot request fulfillment price of 0.0900.",
        ],
      ],
    );
    const target = { TotalTargetCapacity: 3, DefaultTargetCapacityType: "on-demand" } as const;
    const total = await hook.send(
      new CreateFleetCommand(
        await order({
          ClientToken: "total",
          TargetCapacitySpecification: target,
          SpotOptions: undefined,
          // Two c5.large at 0.085 USD, not three.
          OnDemandOptions: { AllocationStrategy: "lowest-price", MaxTotalPrice: "0.2" },
        }),
      ),
    );
    assert.deepEqual(
      total.Instances?.map((i) => [i.InstanceType, i.InstanceIds?.length]),
      [["c5.large", 2]],
    );
    await operator.send(new TerminateInstancesCommand({ InstanceIds: [...idsOf(spot), ...idsOf(total)] }));
  });

  test("A fleet ordered twice with one token is one fleet, exactly as many, tagged, spread and booted", async () => {
    const request = await order({ ClientToken: "one" });
    const first = await hook.send(new CreateFleetCommand(request));
    const second = await hook.send(new CreateFleetCommand(request));
    assert.deepEqual(first.Errors, []);
    assert.equal(idsOf(first).length, 3);
    assert.deepEqual(idsOf(second), idsOf(first));
    assert.equal(second.FleetId, first.FleetId);
    assert.deepEqual(
      first.Instances?.map((i) => [i.InstanceType, i.InstanceIds?.length, i.Lifecycle]),
      [
        ["c5.large", 2, "spot"],
        ["m5.large", 1, "spot"],
      ],
    );
    const booted = await eventually("all are booted", async () => {
      const mine = box.boots.filter((b) => idsOf(first).includes(b.instanceId));
      return mine.length === 3 ? mine : undefined;
    });
    assert.equal(Buffer.from(booted[0]?.userData ?? []).toString(), "#!/bin/sh\n: placeholder\n");
    assert.equal(new Set(booted.map((b) => b.privateIp)).size, 3);
    assert.equal(booted[0]?.hostName, `ip-${booted[0]?.privateIp.replaceAll(".", "-")}.ec2.internal`);
    const { Reservations } = await hook.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: "tag:htcondor:AnnexName", Values: ["burst"] },
          { Name: "instance-state-name", Values: ["running"] },
          { Name: "iam-instance-profile.arn", Values: [annex["Profile"] ?? ""] },
          { Name: "instance-lifecycle", Values: ["spot"] },
        ],
      }),
    );
    const seen = (Reservations ?? []).flatMap((r) => r.Instances ?? []);
    assert.deepEqual(seen.map((i) => i.InstanceId).sort(), idsOf(first).sort());
    assert.ok(seen[0]?.Tags?.some((t) => t.Key === "htcondor:LeaseExpiration" && t.Value === LEASE));
    await assert.rejects(
      hook.send(
        new CreateFleetCommand({ ...request, TargetCapacitySpecification: { TotalTargetCapacity: 4 } }),
      ),
      named("IdempotentParameterMismatch"),
    );
    await operator.send(new TerminateInstancesCommand({ InstanceIds: idsOf(first) }));
    await eventually("all are powered off", async () =>
      idsOf(first).every((id) => box.offs.includes(id)) ? true : undefined,
    );
  });

  test("A launch without its lease is refused by name, a dry run launches nothing", async () => {
    const before = box.cloud.instances().length;
    await assert.rejects(
      hook.send(new CreateFleetCommand(await order({ TagSpecifications: [] }))),
      (error: Error) => {
        assert.equal(error.name, "UnauthorizedOperation");
        assert.match(
          error.message,
          /user\/hook .*ec2:CreateFleet .*instance\/\* with an explicit deny .*DenyLaunchWithoutLease/,
        );
        return true;
      },
    );
    await assert.rejects(
      hook.send(new CreateFleetCommand(await order({ DryRun: true }))),
      named("DryRunOperation"),
    );
    await assert.rejects(
      hook.send(
        new CreateFleetCommand(
          await order({
            LaunchTemplateConfigs: [
              {
                LaunchTemplateSpecification: { LaunchTemplateId: annex["LaunchTemplate"], Version: "1" },
                Overrides: [{ InstanceType: "c5.gigantic" as never, ImageId: IMAGE }],
              },
            ],
          }),
        ),
      ),
      named("InvalidParameterValue"),
    );
    assert.equal(box.cloud.instances().length, before);
    const entry = box.cloud
      .requests()
      .find((r) => r.action === "CreateFleet" && r.decision === "explicit-deny");
    assert.equal(entry?.sid, "DenyLaunchWithoutLease");
    assert.equal(entry?.principal, "arn:aws:iam::123456789012:user/hook");
  });

  test("What RunInstances refuses inside a fleet is an error of a successful answer", async () => {
    const loose = await administrator.ec2.send(
      new (await import("@aws-sdk/client-ec2")).CreateLaunchTemplateCommand({
        LaunchTemplateName: "loose",
        LaunchTemplateData: { IamInstanceProfile: { Arn: annex["Profile"] } },
        TagSpecifications: [
          { ResourceType: "launch-template", Tags: [{ Key: "htcondor:AnnexName", Value: "burst" }] },
        ],
      }),
    );
    const fleet = await hook.send(
      new CreateFleetCommand(
        await order({
          LaunchTemplateConfigs: [
            {
              LaunchTemplateSpecification: {
                LaunchTemplateId: loose.LaunchTemplate?.LaunchTemplateId,
                Version: "1",
              },
              Overrides: [{ InstanceType: "c5.large", ImageId: IMAGE }],
            },
          ],
        }),
      ),
    );
    assert.deepEqual(idsOf(fleet), []);
    assert.equal(fleet.Errors?.[0]?.ErrorCode, "UnauthorizedOperation");
    assert.match(fleet.Errors?.[0]?.ErrorMessage ?? "", /DenyLaunchWithImdsV1/);
  });

  test("A node's role reads its own annex, and neither another's nor a listing nor another's report", async () => {
    const Bucket = account["Bucket"] ?? "";
    const put = (Key: string) =>
      administrator.s3.send(new PutObjectCommand({ Bucket, Key, Body: Key, IfNoneMatch: "*" }));
    await put("annexes/burst/annex.ini");
    await put("annexes/burst2/annex.ini");
    await put("annexes/burst/credential/abc");
    await assert.rejects(put("annexes/burst/annex.ini"), named("PreconditionFailed"));
    const { node, identity } = await launchedNode();
    const read = async (Key: string) =>
      (await node.s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
    assert.equal(await read("annexes/burst/annex.ini"), "annexes/burst/annex.ini");
    assert.equal(await read("annexes/burst/credential/abc"), "annexes/burst/credential/abc");
    await assert.rejects(read("annexes/burst2/annex.ini"), named("AccessDenied"));
    await assert.rejects(read("annexes/burst/missing"), named("AccessDenied"));
    await assert.rejects(node.s3.send(new ListObjectsV2Command({ Bucket })), named("AccessDenied"));
    await node.s3.send(new PutObjectCommand({ Bucket, Key: `reports/burst/${identity}`, Body: "late" }));
    await assert.rejects(
      node.s3.send(new PutObjectCommand({ Bucket, Key: "reports/burst/AROAOTHER:i-1", Body: "late" })),
      named("AccessDenied"),
    );
    await assert.rejects(
      administrator.s3.send(new GetObjectCommand({ Bucket, Key: "annexes/burst/credential/abc" })),
      named("AccessDenied"),
    );
    await assert.rejects(
      all(await box.cloud.createUser("reader", ["arn:aws:iam::aws:policy/ReadOnlyAccess"])).s3.send(
        new GetObjectCommand({ Bucket, Key: "annexes/burst/credential/abc" }),
      ),
      named("AccessDenied"),
    );
    await assert.rejects(
      administrator.s3.send(new PutObjectCommand({ Bucket, Key: "annexes/other/owner", Body: "x" })),
      named("AccessDenied"),
    );
    await administrator.s3.send(
      new PutObjectCommand({ Bucket, Key: "annexes/other/owner", Body: "x", IfNoneMatch: "*" }),
    );
    await assert.rejects(
      administrator.s3.send(
        new HeadObjectCommand({ Bucket, Key: "annexes/other/owner", ExpectedBucketOwner: "999999999999" }),
      ),
    );
  });

  /** Launches one instance and takes its role's credentials from its metadata. */
  async function launchedNode() {
    const fleet = await hook.send(
      new CreateFleetCommand(
        await order({
          TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: "on-demand" },
        }),
      ),
    );
    const [instanceId = ""] = idsOf(fleet);
    const boot = await eventually("it is booted", async () =>
      box.boots.find((b) => b.instanceId === instanceId),
    );
    box.callAs(boot.privateIp);
    const base = `http://127.0.0.1:${box.cloud.metadataPorts[0]}/latest`;
    const token = await (
      await fetch(`${base}/api/token`, {
        method: "PUT",
        headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" },
      })
    ).text();
    const get = async (path: string): Promise<string> => {
      const response = await fetch(`${base}/${path}`, { headers: { "x-aws-ec2-metadata-token": token } });
      return response.ok ? response.text() : String(response.status);
    };
    const role = await get("meta-data/iam/security-credentials/");
    const given = JSON.parse(await get(`meta-data/iam/security-credentials/${role}`)) as Record<
      string,
      string
    >;
    const node = all({
      accessKeyId: given["AccessKeyId"] ?? "",
      secretAccessKey: given["SecretAccessKey"] ?? "",
      sessionToken: given["Token"] ?? "",
    });
    const { UserId = "" } = await node.sts.send(new GetCallerIdentityCommand({}));
    return { node, identity: UserId, instanceId, get, base };
  }

  test("The metadata service wants a token and shows tags live", async () => {
    const { instanceId, get, base, identity } = await launchedNode();
    assert.equal((await fetch(`${base}/meta-data/instance-id`)).status, 401);
    assert.equal(await get("meta-data/instance-id"), instanceId);
    assert.equal(identity, `${annex["RoleId"]}:${instanceId}`);
    assert.equal(await get("meta-data/instance-life-cycle"), "on-demand");
    assert.equal(await get("meta-data/spot/instance-action"), "404");
    assert.equal(await get("meta-data/tags/instance/htcondor:LeaseExpiration"), LEASE);
    assert.match(await get("meta-data/tags/instance"), /^htcondor:AnnexName$/m);
    await hook.send(
      new CreateTagsCommand({
        Resources: [instanceId],
        Tags: [{ Key: "htcondor:LeaseExpiration", Value: "7" }],
      }),
    );
    assert.equal(await get("meta-data/tags/instance/htcondor:LeaseExpiration"), "7");
    await assert.rejects(
      hook.send(
        new CreateTagsCommand({ Resources: [instanceId], Tags: [{ Key: "htcondor:Pool", Value: "x" }] }),
      ),
      named("UnauthorizedOperation"),
    );
    const { Tags } = await administrator.ec2.send(
      new DescribeTagsCommand({
        Filters: [
          { Name: "resource-id", Values: [instanceId] },
          { Name: "key", Values: ["htcondor:*"] },
        ],
      }),
    );
    assert.deepEqual(Tags?.map((t) => t.Key).sort(), [
      "htcondor:AnnexName",
      "htcondor:LeaseExpiration",
      "htcondor:Pool",
    ]);
    const document = JSON.parse(await get("dynamic/instance-identity/document")) as Record<string, string>;
    assert.equal(document["instanceId"], instanceId);
    assert.equal(document["region"], "us-east-1");
    assert.equal(await get("user-data"), "#!/bin/sh\n: placeholder\n");
  });

  test("One unknown id fails a whole TerminateInstances; a machine that ends by itself is terminated", async () => {
    const { instanceId } = await launchedNode();
    await assert.rejects(
      operator.send(new TerminateInstancesCommand({ InstanceIds: [instanceId, "i-00000000000000000"] })),
    );
    const stateOf = () => box.cloud.instances().find((i) => i.instanceId === instanceId)?.state;
    assert.equal(stateOf(), "running");
    await assert.rejects(
      hook.send(new TerminateInstancesCommand({ InstanceIds: [instanceId] })),
      named("UnauthorizedOperation"),
    );
    await assert.rejects(
      administrator.ec2.send(new TerminateInstancesCommand({ InstanceIds: ["i-xyz"] })),
      named("InvalidInstanceID.Malformed"),
    );
    const console = await operator.send(new GetConsoleOutputCommand({ InstanceId: instanceId }));
    assert.equal(Buffer.from(console.Output ?? "", "base64").toString(), `console of ${instanceId}\n`);
    box.cloud.poweredOff(instanceId);
    assert.equal(stateOf(), "shutting-down");
    await eventually("it is terminated", async () => (stateOf() === "terminated" ? true : undefined));
    assert.deepEqual(
      box.cloud
        .terminationLog()
        .filter((t) => t.instanceId === instanceId)
        .map((t) => t.by),
      ["instance"],
    );
  });

  test("Pages of DescribeInstances count instances", async () => {
    await hook.send(
      new CreateFleetCommand(
        await order({
          TargetCapacitySpecification: { TotalTargetCapacity: 12, DefaultTargetCapacityType: "spot" },
        }),
      ),
    );
    const sizes: number[] = [];
    const seen = new Set<string>();
    for await (const page of paginateDescribeInstances({ client: hook, pageSize: 5 }, {})) {
      const found = (page.Reservations ?? []).flatMap((r) => r.Instances ?? []);
      sizes.push(found.length);
      for (const { InstanceId = "" } of found) seen.add(InstanceId);
    }
    assert.ok(
      sizes.slice(0, -1).every((size) => size === 5),
      String(sizes),
    );
    assert.deepEqual(
      [...seen].sort(),
      box.cloud
        .instances()
        .map((i) => i.instanceId)
        .sort(),
    );
    await assert.rejects(
      hook.send(new DescribeInstancesCommand({ Filters: [{ Name: "nonsense", Values: ["x"] }] })),
      named("InvalidParameterValue"),
    );
  });

  test("RunInstances launches as many as asked, once per token, guarded alike", async () => {
    const request = {
      LaunchTemplate: { LaunchTemplateId: annex["LaunchTemplate"], Version: "1" },
      ImageId: IMAGE,
      InstanceType: "c5.large" as const,
      MinCount: 1,
      MaxCount: 2,
      ClientToken: "run",
      TagSpecifications: (await order()).TagSpecifications ?? [],
    };
    const first = await hook.send(new RunInstancesCommand(request));
    const second = await hook.send(new RunInstancesCommand(request));
    assert.equal(first.Instances?.length, 2);
    assert.deepEqual(
      second.Instances?.map((i) => i.InstanceId),
      first.Instances?.map((i) => i.InstanceId),
    );
    assert.equal(first.Instances?.[0]?.ClientToken, "run");
    await assert.rejects(
      hook.send(
        new RunInstancesCommand({
          ...request,
          ClientToken: "hops",
          MetadataOptions: { HttpPutResponseHopLimit: 2 },
        }),
      ),
      /DenyLaunchWithHops/,
    );
  });

  test("Faults: error, throttle, lost answer, capacity, late visibility, each as often as said", async () => {
    const { cloud } = box;
    cloud.addFault({
      kind: "error",
      code: "InternalError",
      status: 500,
      service: "ec2",
      action: "DescribeImages",
      times: 1,
    });
    const describe = () => hook.send(new DescribeInstancesCommand({}));
    cloud.addFault({ kind: "throttle", service: "ec2", action: "DescribeInstances", times: 1 });
    await assert.rejects(describe(), named("RequestLimitExceeded"));
    await describe();

    const lost = cloud.addFault({ kind: "lost-answer", action: "CreateFleet", times: 1 });
    const request = await order({ ClientToken: "lost" });
    const before = cloud.instances().length;
    await assert.rejects(hook.send(new CreateFleetCommand(request)));
    assert.equal(cloud.instances().length, before + 3, "the effect happened");
    assert.equal(idsOf(await hook.send(new CreateFleetCommand(request))).length, 3);
    assert.equal(cloud.instances().length, before + 3, "and only once");
    cloud.removeFault(lost);

    cloud.addFault({ kind: "lost-answer", action: "DescribeInstances", seconds: 0.3, times: 1 });
    const asked = performance.now();
    await assert.rejects(describe());
    assert.ok(performance.now() - asked >= 300, "the answer is held back first");

    const full = cloud.addFault({ kind: "capacity", instanceType: "c5.large", purchase: "spot" });
    const partial = await hook.send(new CreateFleetCommand(await order()));
    assert.deepEqual(
      partial.Instances?.map((i) => i.InstanceType),
      ["m5.large"],
    );
    assert.equal(partial.Errors?.[0]?.ErrorCode, "UnfulfillableCapacity");
    cloud.removeFault(full);

    const late = cloud.addFault({ kind: "late-visibility", seconds: 1 });
    const [hidden = ""] = idsOf(await hook.send(new CreateFleetCommand(await order())));
    const look = () => hook.send(new DescribeInstancesCommand({ InstanceIds: [hidden] }));
    await assert.rejects(look(), named("InvalidInstanceID.NotFound"));
    await eventually("it is visible", () => look().catch(() => undefined));
    cloud.removeFault(late);

    const timeout = cloud.addFault({ kind: "timeout", seconds: 0.2, principal: "*user/hook", times: 1 });
    await assert.rejects(describe());
    cloud.removeFault(timeout);
    assert.equal(cloud.faults().length, 1);
    assert.ok(cloud.requests().some((r) => r.fault === lost && r.status === 0));
  });

  test("Settings: capacity, quotas, addresses and offers run out for a part of a fleet, in EC2's words", async () => {
    const { cloud } = box;
    const [first, second] = await cloud.subnets();
    const live = cloud.instances().filter((i) => i.state !== "terminated");
    const running = (type: string, zone = ""): number =>
      live.filter((i) => i.instanceType === type && (zone === "" || i.zone === zone)).length;
    const reset = { capacity: [], quotas: {}, addresses: {}, notOffered: [] };
    const ordered = async (settings: object, change: Partial<CreateFleetCommandInput> = {}) => {
      cloud.settings({ ...reset, ...settings });
      const answer = await hook.send(new CreateFleetCommand(await order(change)));
      cloud.settings(reset);
      return {
        launched: idsOf(answer).length,
        errors: (answer.Errors ?? []).map((e) => [
          e.LaunchTemplateAndOverrides?.Overrides?.InstanceType,
          e.ErrorCode,
        ]),
      };
    };
    const zone = first?.zone ?? "";
    assert.deepEqual(
      await ordered({
        capacity: [
          { instanceType: "c5.large", zone, instances: running("c5.large", zone) + 1 },
          { instanceType: "m5.large", instances: running("m5.large") + 1 },
        ],
      }),
      {
        launched: 2,
        errors: [
          ["c5.large", "UnfulfillableCapacity"],
          ["m5.large", "UnfulfillableCapacity"],
        ],
      },
    );
    const onDemand = {
      TargetCapacitySpecification: {
        TotalTargetCapacity: 3,
        DefaultTargetCapacityType: "on-demand" as const,
      },
    };
    assert.deepEqual(await ordered({ notOffered: [{ instanceType: "c5.large", zone }] }, onDemand), {
      launched: 3,
      errors: [["c5.large", "InvalidFleetConfiguration"]],
    });
    cloud.settings({
      notOffered: [{ instanceType: "c5.large", zone }],
      addresses: { [first?.subnetId ?? ""]: 0 },
    });
    const offered = await administrator.ec2.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: "availability-zone",
        Filters: [{ Name: "instance-type", Values: ["c5.large"] }],
      }),
    );
    const zonesOfType = (offered.InstanceTypeOfferings ?? []).map((o) => o.Location);
    assert.ok(!zonesOfType.includes(zone) && zonesOfType.includes(second?.zone), zonesOfType.join());
    const told = (await administrator.ec2.send(new DescribeSubnetsCommand({}))).Subnets ?? [];
    const free = (id: string | undefined) =>
      told.find((s) => s.SubnetId === id)?.AvailableIpAddressCount ?? -1;
    assert.equal(free(first?.subnetId), 0);
    assert.ok(free(second?.subnetId) > 0 && free(second?.subnetId) < 4091, "our instances take addresses");
    assert.deepEqual((await ordered({ quotas: { "L-34B43A08": 0 } })).errors[0], [
      "c5.large",
      "MaxSpotInstanceCountExceeded",
    ]);
    assert.equal((await ordered({ quotas: { "L-34B43A08": 0 } }, onDemand)).launched, 3);
    assert.deepEqual((await ordered({ quotas: { "L-1216C47A": 0 } }, onDemand)).errors, [
      ["c5.large", "VcpuLimitExceeded"],
      ["m5.large", "VcpuLimitExceeded"],
    ]);
    assert.deepEqual(
      await ordered({ addresses: { [first?.subnetId ?? ""]: 0, [second?.subnetId ?? ""]: 0 } }),
      {
        launched: 0,
        errors: [
          ["c5.large", "InsufficientFreeAddressesInSubnet"],
          ["m5.large", "InsufficientFreeAddressesInSubnet"],
        ],
      },
    );
  });

  test("Requests beyond EC2's rates are refused until the bucket has filled again; other services are not touched", async () => {
    const { cloud } = box;
    const describe = () => hook.send(new DescribeInstancesCommand({}));
    cloud.settings({ rateLimits: { reading: { refill: 0.5, burst: 2 } } });
    await describe();
    await describe();
    await assert.rejects(describe(), named("RequestLimitExceeded"));
    await administrator.sts.send(new GetCallerIdentityCommand({}));
    await eventually("the bucket has filled", () => describe().catch(() => undefined));
    cloud.settings({ rateLimits: undefined });
  });

  test("An unknown key, a wrong secret and a wrong token are refused in each service's words", async () => {
    const stranger = all({ accessKeyId: "AKIANOBODY", secretAccessKey: "x" });
    await assert.rejects(stranger.ec2.send(new DescribeInstancesCommand({})), named("AuthFailure"));
    await assert.rejects(stranger.s3.send(new ListBucketsCommand({})), named("InvalidAccessKeyId"));
    await assert.rejects(stranger.sts.send(new GetCallerIdentityCommand({})), named("InvalidClientTokenId"));
    await assert.rejects(
      stranger.logs.send(new DescribeLogGroupsCommand({})),
      named("UnrecognizedClientException"),
    );
    const wrong = all({ ...box.cloud.administrator, secretAccessKey: "x" });
    await assert.rejects(wrong.sts.send(new GetCallerIdentityCommand({})), named("SignatureDoesNotMatch"));
    await assert.rejects(
      all({ ...box.cloud.administrator, sessionToken: "x" }).s3.send(new ListBucketsCommand({})),
      named("InvalidToken"),
    );
  });

  test("The enforcer runs as its own process, on its schedule and when invoked, and its metric settles the alarm", async () => {
    const { Payload, FunctionError } = await administrator.lambda.send(
      new InvokeCommand({ FunctionName: account["Enforcer"], Payload: "{}" }),
    );
    assert.equal(FunctionError, undefined, Buffer.from(Payload ?? []).toString());
    box.cloud.settings({ enforcerPeriodSeconds: 0.5 });
    const lines = await eventually("two sweeps are logged", async () => {
      const { events } = await administrator.logs.send(
        new FilterLogEventsCommand({ logGroupName: "updraft-enforcer" }),
      );
      const sweeps = (events ?? []).filter((e) => e.message?.includes("CompleteSweep"));
      return sweeps.length >= 2 ? sweeps : undefined;
    });
    box.cloud.settings({ enforcerPeriodSeconds: undefined });
    assert.match(lines[0]?.message ?? "", /"Namespace":"Updraft"/);
    const { MetricAlarms } = await administrator.cloudwatch.send(new DescribeAlarmsCommand({}));
    assert.equal(MetricAlarms?.[0]?.AlarmName, "updraft-no-complete-sweep");
    assert.ok(
      box.cloud
        .requests()
        .some(
          (r) => r.action === "PutLogEvents" && r.principal.includes("assumed-role/updraft-EnforcerRole"),
        ),
    );
  });

  test("A function is killed at its time-out, sees only its own environment, and fails as Lambda says", async () => {
    const { lambda, iam } = administrator;
    const { Roles } = await iam.send(new ListRolesCommand({}));
    const Role = Roles?.find((r) => r.RoleName?.startsWith("updraft-EnforcerRole"))?.Arn;
    const make = async (
      FunctionName: string,
      code: string,
    ): Promise<{ error?: string | undefined; answer: string }> => {
      await lambda.send(
        new CreateFunctionCommand({
          FunctionName,
          Role,
          Runtime: "nodejs24.x",
          Handler: "index.handler",
          Timeout: 1,
          Environment: { Variables: { MINE: "yes" } },
          Code: { ZipFile: zipOf("index.js", Buffer.from(code)) },
        }),
      );
      const { FunctionError, Payload } = await lambda.send(
        new InvokeCommand({ FunctionName, Payload: JSON.stringify({ n: 2 }) }),
      );
      await lambda.send(new DeleteFunctionCommand({ FunctionName }));
      return { error: FunctionError, answer: Buffer.from(Payload ?? []).toString() };
    };
    assert.deepEqual(
      JSON.parse(
        (
          await make(
            "plain",
            "exports.handler = async (e) => [e.n + 1, process.env.MINE, process.env.HOME ?? null]",
          )
        ).answer,
      ),
      [3, "yes", null],
    );
    const slow = await make("slow", "exports.handler = () => new Promise((r) => setTimeout(r, 60000))");
    assert.equal(slow.error, "Unhandled");
    assert.match(slow.answer, /Task timed out after 1.00 seconds/);
    const bad = await make("bad", "exports.handler = async () => { throw new RangeError('too far') }");
    assert.equal(bad.error, "Unhandled");
    assert.deepEqual(JSON.parse(bad.answer), { errorType: "RangeError", errorMessage: "too far" });
    const sdk = await make(
      "sdk",
      "exports.handler = async () => typeof require('@aws-sdk/client-ec2').EC2Client",
    );
    assert.equal(sdk.answer, '"function"');
  });

  test("An update changes what differs, in place: a new version of a launch template, the same bucket", async () => {
    const { cloudformation } = administrator;
    const parameters = ["Annex", "Pool", "Bucket", "VpcId"].map((ParameterKey) => ({
      ParameterKey,
      UsePreviousValue: true,
    }));
    const update = async (body: string) => {
      await cloudformation.send(
        new UpdateStackCommand({
          StackName: "updraft-burst",
          TemplateBody: body,
          Parameters: parameters,
          Capabilities: ["CAPABILITY_IAM"],
        }),
      );
      return settled(cloudformation, "updraft-burst");
    };
    await assert.rejects(update(template("annex")), /No updates are to be performed/);
    const changed = await update(template("annex").replace(": placeholder", ": another"));
    assert.equal(changed.StackStatus, "UPDATE_COMPLETE");
    const after = outputs(changed);
    assert.equal(after["LaunchTemplate"], annex["LaunchTemplate"]);
    assert.equal(after["LaunchTemplateVersion"], "2");
    assert.equal(after["Role"], annex["Role"]);
    const group = after["SecurityGroup"] ?? "";
    const inbound = async (): Promise<unknown[]> => {
      const { SecurityGroups } = await administrator.ec2.send(
        new DescribeSecurityGroupsCommand({ GroupIds: [group] }),
      );
      return (SecurityGroups?.[0]?.IpPermissions ?? []).flatMap((one) =>
        (one.IpRanges ?? []).map(({ CidrIp }) => [one.IpProtocol, one.FromPort, one.ToPort, CidrIp]),
      );
    };
    for (const blocks of [["203.0.113.0/24", "198.51.100.7/32"], ["198.51.100.7/32"], []]) {
      const opened = JSON.parse(template("annex")) as {
        Resources: { SecurityGroup: { Properties: Record<string, unknown> } };
      };
      opened.Resources.SecurityGroup.Properties["SecurityGroupIngress"] = blocks.map((CidrIp) => {
        return { IpProtocol: "tcp", FromPort: 9618, ToPort: 9618, CidrIp };
      });
      const stack = await update(JSON.stringify(opened));
      assert.equal(stack.StackStatus, "UPDATE_COMPLETE", stack.StackStatusReason);
      assert.equal(outputs(stack)["SecurityGroup"], group);
      assert.deepEqual(
        await inbound(),
        blocks.map((block) => ["tcp", 9618, 9618, block]),
      );
    }
    const broken = JSON.parse(template("annex")) as { Resources: Record<string, unknown> };
    broken.Resources["Queue"] = { Type: "AWS::SQS::Queue" };
    const back = await update(JSON.stringify(broken));
    assert.equal(back.StackStatus, "UPDATE_ROLLBACK_COMPLETE");
    assert.equal(outputs(back)["Role"], annex["Role"]);
  });

  test("Recommendation and notice stand in a spot instance's metadata before its end", async () => {
    const [instanceId = ""] = idsOf(
      await hook.send(
        new CreateFleetCommand(
          await order({
            TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: "spot" },
          }),
        ),
      ),
    );
    const boot = await eventually("it is booted", async () =>
      box.boots.find((b) => b.instanceId === instanceId),
    );
    box.callAs(boot.privateIp);
    const base = `http://127.0.0.1:${box.cloud.metadataPorts[0]}/latest`;
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": "60" };
    const token = await (await fetch(`${base}/api/token`, { method: "PUT", headers })).text();
    const get = (path: string) =>
      fetch(`${base}/meta-data/${path}`, { headers: { "x-aws-ec2-metadata-token": token } });
    assert.equal((await get("events/recommendations/rebalance")).status, 404);
    box.cloud.recommendRebalance(instanceId);
    const recommended = await (await get("events/recommendations/rebalance")).text();
    assert.match(recommended, /^{"noticeTime":"[-0-9]+T[:0-9]+Z"}$/);
    assert.equal((await get("spot/instance-action")).status, 404);
    box.cloud.interruptSpot(instanceId, 0.5);
    const notice = await get("spot/instance-action");
    assert.equal(((await notice.json()) as Record<string, string>)["action"], "terminate");
    assert.equal(await (await get("events/recommendations/rebalance")).text(), recommended);
    await eventually("it is ended", async () => (box.offs.includes(instanceId) ? true : undefined));
  });

  test("Of many who write an object that must not exist yet, one succeeds", async () => {
    const Bucket = account["Bucket"] ?? "";
    const writes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        administrator.s3.send(
          new PutObjectCommand({ Bucket, Key: "annexes/many/owner", Body: String(i), IfNoneMatch: "*" }),
        ),
      ),
    );
    assert.equal(writes.filter((w) => w.status === "fulfilled").length, 1);
  });

  test("A stack that fails says why and is rolled back; a type that nobody makes fails it", async () => {
    const body = JSON.stringify({
      Resources: {
        Topic: { Type: "AWS::SNS::Topic", Properties: { TopicName: "rolled-back" } },
        Queue: { Type: "AWS::SQS::Queue", DependsOn: "Topic" },
      },
    });
    const stack = await createStack(administrator.cloudformation, "odd", body);
    assert.equal(stack.StackStatus, "ROLLBACK_COMPLETE");
    const { StackEvents } = await administrator.cloudformation.send(
      new DescribeStackEventsCommand({ StackName: "odd" }),
    );
    const failed = StackEvents?.find((e) => e.ResourceStatus === "CREATE_FAILED");
    assert.match(failed?.ResourceStatusReason ?? "", /AWS::SQS::Queue is not made by the sandbox/);
    const { Topics } = await administrator.sns.send(new ListTopicsCommand({}));
    assert.ok(!Topics?.some((t) => t.TopicArn?.endsWith("rolled-back")));
    await deleteStack(administrator.cloudformation, stack.StackId ?? "");
  });

  test("What is in use cannot be deleted; then both stacks go and leave nothing", async () => {
    const { cloudformation, ec2, s3, iam } = administrator;
    const stacks = { annex: await settledId("updraft-burst"), account: await settledId("updraft") };
    const refused = await deleteStack(cloudformation, stacks.annex);
    assert.equal(refused.StackStatus, "DELETE_FAILED");
    assert.match(refused.StackStatusReason ?? "", /SecurityGroup/);
    const running = box.cloud.instances().filter((i) => i.state !== "terminated");
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: running.map((i) => i.instanceId) }));
    await eventually("all are terminated", async () =>
      box.cloud.instances().every((i) => i.state === "terminated") ? true : undefined,
    );
    assert.equal((await deleteStack(cloudformation, stacks.annex)).StackStatus, "DELETE_COMPLETE");

    const full = await deleteStack(cloudformation, stacks.account);
    assert.equal(full.StackStatus, "DELETE_FAILED");
    const Bucket = account["Bucket"] ?? "";
    const { StackResourceSummaries } = await cloudformation.send(
      new ListStackResourcesCommand({ StackName: "updraft" }),
    );
    assert.match(
      StackResourceSummaries?.find((r) => r.LogicalResourceId === "Bucket")?.ResourceStatusReason ?? "",
      /not empty/,
    );
    assert.match(
      StackResourceSummaries?.find((r) => r.LogicalResourceId === "HookPolicy")?.ResourceStatusReason ?? "",
      /attached to entities/,
    );
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket }));
    for (const { Key } of Contents ?? []) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    const { DetachUserPolicyCommand } = await import("@aws-sdk/client-iam");
    for (const [UserName, PolicyArn] of [
      ["hook", account["HookPolicy"]],
      ["operator", account["HookPolicy"]],
      ["operator", account["OperatorPolicy"]],
    ])
      await iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn }));
    const gone = await deleteStack(cloudformation, stacks.account);
    assert.equal(gone.StackStatus, "DELETE_COMPLETE", gone.StackStatusReason);

    const left = {
      buckets: (await s3.send(new ListBucketsCommand({}))).Buckets,
      roles: (await iam.send(new ListRolesCommand({}))).Roles,
      profiles: (await iam.send(new ListInstanceProfilesCommand({}))).InstanceProfiles,
      policies: (await iam.send(new ListPoliciesCommand({ Scope: "Local" }))).Policies,
      functions: (await administrator.lambda.send(new ListFunctionsCommand({}))).Functions,
      rules: (await administrator.events.send(new ListRulesCommand({}))).Rules,
      topics: (await administrator.sns.send(new ListTopicsCommand({}))).Topics,
      alarms: (await administrator.cloudwatch.send(new DescribeAlarmsCommand({}))).MetricAlarms,
      logs: (await administrator.logs.send(new DescribeLogGroupsCommand({}))).logGroups,
      templates: (await ec2.send(new DescribeLaunchTemplatesCommand({}))).LaunchTemplates?.filter(
        (t) => t.LaunchTemplateName !== "loose",
      ),
      groups: (await ec2.send(new DescribeSecurityGroupsCommand({}))).SecurityGroups?.filter(
        (g) => g.GroupName !== "default",
      ),
    };
    for (const [kind, found] of Object.entries(left)) assert.deepEqual(found ?? [], [], kind);
  });

  async function settledId(name: string): Promise<string> {
    const { DescribeStacksCommand } = await import("@aws-sdk/client-cloudformation");
    const { Stacks } = await administrator.cloudformation.send(
      new DescribeStacksCommand({ StackName: name }),
    );
    return Stacks?.[0]?.StackId ?? "";
  }
});
