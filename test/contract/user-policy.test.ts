import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
} from "@aws-sdk/client-cloudformation";
import {
  CreateFleetCommand,
  CreateLaunchTemplateVersionCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeInstancesCommand,
  GetConsoleOutputCommand,
  ModifyInstanceMetadataOptionsCommand,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  type CreateFleetCommandInput,
  type RunInstancesCommandInput,
} from "@aws-sdk/client-ec2";
import {
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
} from "@aws-sdk/client-iam";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { GetParameterCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { templateBody } from "../../core/stacks.ts";
import { accountTemplate } from "../../lambda/account.template.ts";
import { annexTemplate } from "../../lambda/annex.template.ts";
import { clients } from "../../sandbox/cloud/clients.ts";
import type { Credentials } from "../../sandbox/cloud/ports.ts";
import {
  createStack,
  IMAGE,
  OTHER_IMAGE,
  outputs,
  testCloud,
  type TestCloud,
} from "../sandbox/cloud/harness.ts";

const LEASE = String(Math.floor(Date.now() / 1000) + 3600);
const TAGS = {
  "htcondor:AnnexName": "burst",
  "htcondor:Pool": "pool.test",
  "htcondor:LeaseExpiration": LEASE,
};

const tagged = (tags: Readonly<Record<string, string>>) => [
  {
    ResourceType: "instance" as const,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  },
];

/** IAM's refusal; any other failure proves nothing. */
const refused = (error: unknown): true => {
  assert.match(
    (error as Error).name,
    /^(UnauthorizedOperation|AccessDenied|AccessDeniedException)$/,
    String(error),
  );
  return true;
};

let box: TestCloud;
let administrator: ReturnType<typeof all>;
let alice: ReturnType<typeof all>;
let bucket: string;
let burst: Record<string, string>;
let other: Record<string, string>;
/** One of each annex, and one with burst's tags that the administrator launched without any template. */
let own: string;
let foreign: string;
let stray: string;

function all(credentials: Credentials) {
  const configuration = { region: "us-east-1", endpoint: box.cloud.endpoint, credentials, maxAttempts: 1 };
  return {
    ...clients(box.cloud.endpoint, credentials),
    cloudformation: new CloudFormationClient(configuration),
    ssm: new SSMClient(configuration),
  };
}

type Change = {
  readonly template?: string | undefined;
  readonly type?: string;
  readonly image?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly spot?: boolean;
};

async function fleet(change: Change = {}): Promise<CreateFleetCommandInput> {
  const [subnet] = await box.cloud.subnets();
  return {
    Type: "instant",
    TargetCapacitySpecification: {
      TotalTargetCapacity: 1,
      DefaultTargetCapacityType: change.spot === true ? "spot" : "on-demand",
    },
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: {
          LaunchTemplateId: change.template ?? burst["LaunchTemplate"],
          Version: "1",
        },
        Overrides: [
          {
            InstanceType: (change.type ?? "m5.large") as "m5.large",
            SubnetId: subnet?.subnetId,
            ImageId: change.image ?? IMAGE,
          },
        ],
      },
    ],
    TagSpecifications: tagged(change.tags ?? TAGS),
  };
}

/** Launches, or throws what refused it, be it the call or an entry in its Errors. */
async function launch(as: typeof alice, change: Change = {}): Promise<string> {
  const answer = await as.ec2.send(new CreateFleetCommand(await fleet(change)));
  const [error] = answer.Errors ?? [];
  if (error !== undefined) throw Object.assign(new Error(error.ErrorMessage), { name: error.ErrorCode });
  return answer.Instances?.[0]?.InstanceIds?.[0] ?? "";
}

async function directly(change: Partial<RunInstancesCommandInput>): Promise<RunInstancesCommandInput> {
  const [subnet] = await box.cloud.subnets();
  return {
    ImageId: IMAGE,
    InstanceType: "m5.large",
    SubnetId: subnet?.subnetId,
    MinCount: 1,
    MaxCount: 1,
    TagSpecifications: tagged(TAGS),
    ...change,
  };
}

const object = (Key: string) => ({ Bucket: bucket, Key });
const renew = (as: typeof alice, id: string, Key = "htcondor:LeaseExpiration") =>
  as.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key, Value: LEASE }] }));

/** Everything that a user of burst does. */
const ALLOWED: Readonly<Record<string, (as: typeof alice) => Promise<unknown>>> = {
  "look at instances": (as) => as.ec2.send(new DescribeInstancesCommand({})),
  "order on demand": (as) => launch(as),
  "order spot": (as) => launch(as, { spot: true }),
  "order of a burstable type": (as) =>
    launch(as, { template: burst["BurstableLaunchTemplate"], type: "t3.large" }),
  renew: (as) => renew(as, own),
  release: (as) => renew(as, own, "htcondor:Release"),
  "end an instance": async (as) =>
    as.ec2.send(new TerminateInstancesCommand({ InstanceIds: [await launch(administrator)] })),
  "read who the annex belongs to": (as) => as.s3.send(new GetObjectCommand(object("annexes/burst/owner"))),
  "read the manifest": (as) => as.s3.send(new GetObjectCommand(object("annexes/burst/annex.ini"))),
  "read a report": (as) => as.s3.send(new GetObjectCommand(object("reports/burst/AROA:i-1"))),
  "list the reports": (as) =>
    as.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "reports/burst/" })),
  "look at the account's stack": (as) =>
    as.cloudformation.send(new DescribeStacksCommand({ StackName: "updraft" })),
  "look at the annex's stack": (as) =>
    as.cloudformation.send(new DescribeStacksCommand({ StackName: "updraft-burst" })),
  "resolve the image": (as) => as.ssm.send(new GetParameterCommand({ Name: "/updraft/image" })),
};

const REFUSED: Readonly<Record<string, () => Promise<unknown>>> = {
  "order from another annex's template": () => launch(alice, { template: other["LaunchTemplate"] }),
  "order with another annex's tag": () => launch(alice, { tags: { ...TAGS, "htcondor:AnnexName": "other" } }),
  "order with another pool's tag": () => launch(alice, { tags: { ...TAGS, "htcondor:Pool": "pool2.test" } }),
  "order without a lease": () =>
    launch(alice, { tags: { "htcondor:AnnexName": "burst", "htcondor:Pool": "pool.test" } }),
  "order without tags": () => launch(alice, { tags: {} }),
  "order of a type that the annex has not": () => launch(alice, { type: "c5.large" }),
  "order of an image that the annex has not": () => launch(alice, { image: OTHER_IMAGE }),
  "launch from the annex's template, but not by a fleet": async () =>
    alice.ec2.send(
      new RunInstancesCommand(
        await directly({ LaunchTemplate: { LaunchTemplateId: burst["LaunchTemplate"], Version: "1" } }),
      ),
    ),
  "launch a program of their own under the node's role": async () =>
    alice.ec2.send(
      new RunInstancesCommand(
        await directly({
          IamInstanceProfile: { Arn: burst["Profile"] },
          SecurityGroupIds: [burst["SecurityGroup"] ?? ""],
          MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
          UserData: Buffer.from("#!/bin/sh\ncurl …\n").toString("base64"),
        }),
      ),
    ),
  "change the annex's launch template": () =>
    alice.ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateId: burst["LaunchTemplate"],
        LaunchTemplateData: { UserData: "" },
      }),
    ),
  "renew another annex's instance": () => renew(alice, foreign),
  "renew an instance that only looks like the annex's": () => renew(alice, stray),
  "change another tag": () => renew(alice, own, "htcondor:AnnexName"),
  "take a tag away": () =>
    alice.ec2.send(new DeleteTagsCommand({ Resources: [own], Tags: [{ Key: "htcondor:LeaseExpiration" }] })),
  "end another annex's instance": () =>
    alice.ec2.send(new TerminateInstancesCommand({ InstanceIds: [foreign] })),
  "end one of theirs together with another's": () =>
    alice.ec2.send(new TerminateInstancesCommand({ InstanceIds: [own, foreign] })),
  "end an instance that only looks like the annex's": () =>
    alice.ec2.send(new TerminateInstancesCommand({ InstanceIds: [stray] })),
  "stop an instance": () => alice.ec2.send(new StopInstancesCommand({ InstanceIds: [own] })),
  "open the metadata service": () =>
    alice.ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId: own, HttpTokens: "optional" })),
  "read a console": () => alice.ec2.send(new GetConsoleOutputCommand({ InstanceId: own })),
  "read the credential": () => alice.s3.send(new GetObjectCommand(object("annexes/burst/credential/abc"))),
  "read the nodes' configuration": () =>
    alice.s3.send(new GetObjectCommand(object("annexes/burst/config/abc.tar.gz"))),
  "read another annex's manifest": () =>
    alice.s3.send(new GetObjectCommand(object("annexes/other/annex.ini"))),
  "read another annex's reports": () => alice.s3.send(new GetObjectCommand(object("reports/other/AROA:i-1"))),
  "list the bucket": () => alice.s3.send(new ListObjectsV2Command({ Bucket: bucket })),
  "list another annex's reports": () =>
    alice.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "reports/other/" })),
  "list what the annex has": () =>
    alice.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "annexes/burst/" })),
  "write the manifest": () =>
    alice.s3.send(new PutObjectCommand({ ...object("annexes/burst/annex.ini"), Body: "x" })),
  "write a configuration": () =>
    alice.s3.send(new PutObjectCommand({ ...object("annexes/burst/config/def.tar.gz"), Body: "x" })),
  "write the node's program": () =>
    alice.s3.send(new PutObjectCommand({ ...object("bin/abc/updraft-bootstrap"), Body: "x" })),
  "delete the manifest": () => alice.s3.send(new DeleteObjectCommand(object("annexes/burst/annex.ini"))),
  "look at another annex's stack": () =>
    alice.cloudformation.send(new DescribeStacksCommand({ StackName: "updraft-other" })),
  "make a stack": () =>
    alice.cloudformation.send(new CreateStackCommand({ StackName: "updraft-burst2", TemplateBody: "{}" })),
  "run the enforcer": () => alice.lambda.send(new InvokeCommand({ FunctionName: "updraft-enforcer" })),
  "give themselves a policy": () =>
    alice.iam.send(
      new AttachUserPolicyCommand({
        UserName: "alice",
        PolicyArn: "arn:aws:iam::aws:policy/AdministratorAccess",
      }),
    ),
};

type Statement = { readonly Sid: string };

async function statements(): Promise<Statement[]> {
  const PolicyArn = burst["UserPolicy"];
  const { Policy } = await administrator.iam.send(new GetPolicyCommand({ PolicyArn }));
  const { PolicyVersion } = await administrator.iam.send(
    new GetPolicyVersionCommand({ PolicyArn, VersionId: Policy?.DefaultVersionId }),
  );
  const document = decodeURIComponent(PolicyVersion?.Document ?? "");
  assert.ok(document.length <= 6144, `${document.length}`);
  return (JSON.parse(document) as { Statement: Statement[] }).Statement;
}

describe("the policy for users of an annex, which its stack makes", { timeout: 120_000 }, () => {
  before(async () => {
    box = await testCloud({ shuttingDownSeconds: 0 });
    administrator = all(box.cloud.administrator);
    const stack = async (name: string, template: object, parameters: Record<string, string>) => {
      const made = await createStack(administrator.cloudformation, name, templateBody(template), parameters);
      assert.equal(made.StackStatus, "CREATE_COMPLETE", made.StackStatusReason);
      return outputs(made);
    };
    bucket =
      (await stack("updraft", accountTemplate("exports.handler = async () => {}"), {}))["Bucket"] ?? "";
    const [subnet] = await box.cloud.subnets();
    const annex = (name: string) =>
      stack(
        `updraft-${name}`,
        annexTemplate(() => "#!/bin/sh\n"),
        {
          Annex: name,
          Pool: "pool.test",
          Bucket: bucket,
          VpcId: subnet?.vpcId ?? "",
          ImageId: IMAGE,
          InstanceTypes: "m5.large,t3.large",
        },
      );
    [burst, other] = [await annex("burst"), await annex("other")];
    alice = all(await box.cloud.createUser("alice", [burst["UserPolicy"] ?? ""]));
    await administrator.ssm.send(
      new PutParameterCommand({ Name: "/updraft/image", Value: IMAGE, Type: "String" }),
    );
    for (const key of [
      ...["burst", "other"].flatMap((name) => [`annexes/${name}/annex.ini`, `reports/${name}/AROA:i-1`]),
      "annexes/burst/owner",
      "annexes/burst/credential/abc",
      "annexes/burst/config/abc.tar.gz",
    ])
      await administrator.s3.send(new PutObjectCommand({ ...object(key), Body: key, IfNoneMatch: "*" }));
    own = await launch(administrator);
    foreign = await launch(administrator, {
      template: other["LaunchTemplate"],
      tags: { ...TAGS, "htcondor:AnnexName": "other" },
    });
    const { Instances } = await administrator.ec2.send(new RunInstancesCommand(await directly({})));
    stray = Instances?.[0]?.InstanceId ?? "";
  });
  after(() => box.stop());

  test("allows all that a user of the annex does", async (t) => {
    for (const [what, attempt] of Object.entries(ALLOWED))
      await t.test(what, async () => void (await attempt(alice)));
  });

  test("allows nothing else", async (t) => {
    for (const [what, attempt] of Object.entries(REFUSED))
      await t.test(what, () => assert.rejects(attempt(), refused));
    const states = box.cloud
      .instances()
      .filter(({ instanceId }) => [own, foreign, stray].includes(instanceId));
    assert.deepEqual([...new Set(states.map(({ state }) => state))], ["running"]);
  });

  test("has no statement that could be left out", async () => {
    const whole = await statements();
    for (const left of whole) {
      const { Policy } = await administrator.iam.send(
        new CreatePolicyCommand({
          PolicyName: `without-${left.Sid}`,
          PolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: whole.filter(({ Sid }) => Sid !== left.Sid),
          }),
        }),
      );
      const reduced = all(await box.cloud.createUser(`without-${left.Sid}`, [Policy?.Arn ?? ""]));
      const outcomes = await Promise.allSettled(Object.values(ALLOWED).map((attempt) => attempt(reduced)));
      const failures = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
      assert.ok(failures.length > 0, left.Sid);
      for (const failure of failures) refused(failure);
    }
  });

  test("lets a person hold those of two annexes, and their own instances beside", async () => {
    const both = all(
      await box.cloud.createUser("both", [burst["UserPolicy"] ?? "", other["UserPolicy"] ?? ""]),
    );
    await launch(both);
    await launch(both, {
      template: other["LaunchTemplate"],
      tags: { ...TAGS, "htcondor:AnnexName": "other" },
    });
    assert.ok(
      (await statements()).every((statement) => (statement as { Effect?: string }).Effect === "Allow"),
    );
  });
});
