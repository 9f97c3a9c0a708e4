import assert from "node:assert/strict";
import { test } from "node:test";
import { templateBody } from "../../core/stacks.ts";
import { accountTemplate } from "../../lambda/account.template.ts";
import { annexTemplate } from "../../lambda/annex.template.ts";

type Resource = { Type: string; Properties: Record<string, never>; DependsOn?: string[]; Condition?: string };
type Template = {
  Parameters: Record<string, unknown>;
  Conditions: Record<string, unknown>;
  Resources: Record<string, Resource>;
  Outputs: Record<string, unknown>;
};

const read = (template: object): Template => JSON.parse(templateBody(template)) as Template;
const ACCOUNT = read(accountTemplate("exports.handler = async () => {}"));
const ANNEX = read(annexTemplate((roleId) => `#!/bin/sh\nrole_id='${roleId}'\n`));

/** Every name that a template refers to, by Ref, GetAtt or Sub. */
function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === "Ref") return [inner as string];
    if (key === "Fn::GetAtt") return [(inner as string[])[0] ?? ""];
    if (key === "Fn::Sub") {
      return [...(inner as string).matchAll(/\$\{([^!}.]+)[^}]*\}/g)].map((match) => match[1] ?? "");
    }
    return references(inner);
  });
}

function dependencies(template: Template, name: string): string[] {
  const resource = template.Resources[name];
  return [...references(resource?.Properties), ...(resource?.DependsOn ?? [])].filter(
    (one) => one in template.Resources,
  );
}

for (const [title, template] of [
  ["account", ACCOUNT],
  ["annex", ANNEX],
] as const) {
  test(`the ${title}'s template refers only to what it holds`, () => {
    for (const name of references([template.Resources, template.Outputs, template.Conditions])) {
      assert.ok(name.startsWith("AWS::") || name in template.Parameters || name in template.Resources, name);
    }
    for (const resource of Object.values(template.Resources)) {
      if (resource.Condition !== undefined) assert.ok(resource.Condition in template.Conditions);
    }
  });

  test(`the ${title}'s resources can be made in some order`, () => {
    const made = new Set<string>();
    const names = Object.keys(template.Resources);
    for (let round = 0; round < names.length; round++) {
      for (const name of names)
        if (dependencies(template, name).every((one) => made.has(one))) made.add(name);
    }
    assert.deepEqual(
      names.filter((name) => !made.has(name)),
      [],
    );
  });
}

type Statement = {
  Sid: string;
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: object;
};

function statements(policy: unknown): Statement[] {
  return (policy as { Statement: Statement[] }).Statement;
}

const enforcerPolicies = ACCOUNT.Resources["EnforcerRole"]?.Properties["Policies"] as unknown as
  | { PolicyDocument: unknown }[]
  | undefined;
const enforcerStatements = statements(enforcerPolicies?.[0]?.PolicyDocument);
const hookStatements = statements(ACCOUNT.Resources["HookPolicy"]?.Properties["PolicyDocument"]);
const operatorStatements = statements(ACCOUNT.Resources["OperatorPolicy"]?.Properties["PolicyDocument"]);
const actions = (all: Statement[]): string[] =>
  all.filter((s) => s.Effect === "Allow").flatMap((s) => s.Action);

test("the hook terminates nothing, and enforcer and operator only what has a profile of ours", () => {
  assert.ok(!actions(hookStatements).includes("ec2:TerminateInstances"));
  for (const all of [enforcerStatements, operatorStatements]) {
    const ending = all.filter((statement) => [statement.Action].flat().includes("ec2:TerminateInstances"));
    assert.equal(ending.length, 1);
    assert.match(
      JSON.stringify(ending[0]?.Condition),
      /"ArnLike":\{"ec2:InstanceProfile".*instance-profile\/updraft\/\*"/,
    );
  }
});

test("launching is denied without lease, annex, pool, our profile and IMDSv2, on instances and nothing else", () => {
  const denials = hookStatements.filter((statement) => statement.Effect === "Deny");
  assert.deepEqual(
    denials.map((statement) => statement.Sid),
    [
      "DenyLaunchWithoutLease",
      "DenyLaunchWithoutAnnex",
      "DenyLaunchWithoutPool",
      "DenyLaunchWithoutOurProfile",
      "DenyLaunchWithImdsV1",
      "DenyLaunchWithHops",
    ],
  );
  for (const denial of denials) assert.match(JSON.stringify(denial.Resource), /:instance\/\*"\}$/);
});

test("the enforcer reads and writes the one key that tells of its last sweep, and no other", () => {
  const writing = enforcerStatements.filter((statement) =>
    [statement.Action].flat().some((action) => action.startsWith("s3:")),
  );
  assert.deepEqual(
    writing.map((statement) => [statement.Action, statement.Resource]),
    [[["s3:GetObject", "s3:PutObject"], { "Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}/sweeps/last" }]],
  );
});

test("no statement allows everything", () => {
  for (const action of [
    ...actions(hookStatements),
    ...actions(operatorStatements),
    ...actions(enforcerStatements),
  ]) {
    assert.match(action, /^[a-z0-9]+:[A-Za-z]+$/);
  }
});

test("managed policies keep within IAM's length", () => {
  for (const name of ["HookPolicy", "OperatorPolicy"]) {
    const text = JSON.stringify(ACCOUNT.Resources[name]?.Properties["PolicyDocument"])
      .replace(/\{"Fn::Sub":("[^"]*")\}/g, "$1")
      .replace(/\$\{AWS::Partition\}/g, "aws-us-gov")
      .replace(/\$\{AWS::Region\}/g, "us-gov-west-1")
      .replace(/\$\{AWS::AccountId\}/g, "123456789012")
      .replace(/\$\{Bucket\}/g, "b".repeat(63));
    assert.ok(text.length <= 6144, `${name}: ${text.length}`);
  }
});

test("there is room for the enforcer's code", () => {
  assert.ok(templateBody(accountTemplate("")).length < 16_000);
  assert.throws(() => templateBody(accountTemplate("x".repeat(50_000))), /more than 50000/);
});

test("a node's role reads the programs and its own annex, and writes its own report", () => {
  const role = ANNEX.Resources["Role"]?.Properties["Policies"] as unknown as { PolicyDocument: unknown }[];
  assert.deepEqual(
    statements(role[0]?.PolicyDocument).filter((statement) => statement.Effect === "Allow"),
    [
      {
        Sid: "ReadOwnAnnex",
        Effect: "Allow",
        Action: "s3:GetObject",
        Resource: [
          { "Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}/bin/*" },
          { "Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}/annexes/${Annex}/*" },
        ],
      },
      {
        Sid: "WriteOwnReport",
        Effect: "Allow",
        Action: "s3:PutObject",
        Resource: { "Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}/reports/${Annex}/${!aws:userid}" },
      },
    ],
  );
});

test("both launch templates hold what guards an instance, and only one of them credits", () => {
  for (const [name, credits] of [
    ["LaunchTemplate", undefined],
    ["BurstableLaunchTemplate", { CpuCredits: "standard" }],
  ] as const) {
    const data = ANNEX.Resources[name]?.Properties["LaunchTemplateData"] as unknown as Record<
      string,
      unknown
    >;
    assert.deepEqual(data["MetadataOptions"], {
      HttpEndpoint: "enabled",
      HttpTokens: "required",
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: "enabled",
    });
    assert.equal(data["InstanceInitiatedShutdownBehavior"], "terminate");
    assert.deepEqual(data["CreditSpecification"], credits);
    assert.deepEqual(data["UserData"], {
      "Fn::Base64": {
        "Fn::Join": ["", ["#!/bin/sh\nrole_id='", { "Fn::GetAtt": ["Role", "RoleId"] }, "'\n"]],
      },
    });
  }
  assert.deepEqual(ANNEX.Resources["SecurityGroup"]?.Properties["SecurityGroupIngress"], []);
  assert.ok(!("DirectFrom" in ANNEX.Outputs));
});

test("an annex that is reached directly lets in the pool's machines, to HTCondor's port, and nobody else", () => {
  const direct = read(annexTemplate(() => "#!/bin/sh\n", ["203.0.113.0/24", "198.51.100.7/32"]));
  const rule = { IpProtocol: "tcp", FromPort: 9618, ToPort: 9618 };
  assert.deepEqual(direct.Resources["SecurityGroup"]?.Properties["SecurityGroupIngress"], [
    { ...rule, CidrIp: "203.0.113.0/24" },
    { ...rule, CidrIp: "198.51.100.7/32" },
  ]);
  assert.deepEqual(direct.Outputs["DirectFrom"], { Value: "203.0.113.0/24,198.51.100.7/32" });
});
