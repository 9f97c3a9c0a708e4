import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { evaluate } from "../../../../sandbox/cloud/iam/evaluate.ts";
import { context, readPolicy, type Policy } from "../../../../sandbox/cloud/iam/policy.ts";

const BUCKET = "updraft-bucket-example";
const ACCOUNT = "111122223333";
const PROFILE = `arn:aws:iam::${ACCOUNT}:instance-profile/updraft/burst`;
const ec2 = (resource: string) => `arn:aws:ec2:us-east-1:${ACCOUNT}:${resource}`;
const object = (key: string) => `arn:aws:s3:::${BUCKET}/${key}`;

function policy(name: string): Policy {
  const text = readFileSync(new URL(`../policies/${name}.json`, import.meta.url), "utf8");
  const read = readPolicy(text);
  assert.ok(read !== undefined, name);
  return read;
}

type Case = {
  title: string;
  who: "node" | "hook" | "operator" | "enforcer" | "nobody";
  action: string;
  resource: string;
  /** An empty list takes a key away. */
  keys?: Record<string, string | string[]>;
  expected: string;
};

const LEASED = {
  "aws:RequestTag/htcondor:LeaseExpiration": "1",
  "aws:RequestTag/htcondor:AnnexName": "burst",
  "aws:RequestTag/htcondor:Pool": "pool.test",
};
const GUARDED = {
  ...LEASED,
  "ec2:InstanceProfile": PROFILE,
  "ec2:MetadataHttpTokens": "required",
  "ec2:MetadataHttpPutResponseHopLimit": "1",
};
const NODE = {
  "aws:userid": "AROANODE:i-1",
  "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT}:role/updraft/burst`,
  "ec2:RoleDelivery": "2.0",
};
const TLS = { "aws:SecureTransport": "true" };

const CASES: Case[] = [
  {
    title: "reads its annex",
    who: "node",
    action: "s3:GetObject",
    resource: object("annexes/burst/annex.ini"),
    keys: NODE,
    expected: "allow ReadOwnAnnex",
  },
  {
    title: "does not read an annex whose name begins with its own",
    who: "node",
    action: "s3:GetObject",
    resource: object("annexes/burst2/annex.ini"),
    keys: NODE,
    expected: "implicit-deny",
  },
  {
    title: "reads its credential although the bucket keeps others from it",
    who: "node",
    action: "s3:GetObject",
    resource: object("annexes/burst/credential/a"),
    keys: NODE,
    expected: "allow ReadOwnAnnex",
  },
  {
    title: "does not list",
    who: "node",
    action: "s3:ListBucket",
    resource: `arn:aws:s3:::${BUCKET}`,
    keys: NODE,
    expected: "implicit-deny",
  },
  {
    title: "writes its own report",
    who: "node",
    action: "s3:PutObject",
    resource: object("reports/burst/AROANODE:i-1"),
    keys: NODE,
    expected: "allow WriteOwnReport",
  },
  {
    title: "does not write another's report",
    who: "node",
    action: "s3:PutObject",
    resource: object("reports/burst/AROANODE:i-2"),
    keys: NODE,
    expected: "implicit-deny",
  },
  {
    title: "is nothing with credentials from IMDSv1",
    who: "node",
    action: "s3:GetObject",
    resource: object("annexes/burst/annex.ini"),
    keys: { ...NODE, "ec2:RoleDelivery": "1.0" },
    expected: "explicit-deny NothingFromImdsV1",
  },
  {
    title: "is refused without TLS",
    who: "node",
    action: "s3:GetObject",
    resource: object("annexes/burst/annex.ini"),
    keys: { ...NODE, "aws:SecureTransport": "false" },
    expected: "explicit-deny TlsOnly",
  },
  {
    title: "launches an instance as it should be",
    who: "hook",
    action: "ec2:RunInstances",
    resource: ec2("instance/*"),
    keys: GUARDED,
    expected: "allow LaunchInstances",
  },
  {
    title: "launches none without a lease",
    who: "hook",
    action: "ec2:RunInstances",
    resource: ec2("instance/*"),
    keys: { ...GUARDED, "aws:RequestTag/htcondor:LeaseExpiration": [] },
    expected: "explicit-deny DenyLaunchWithoutLease",
  },
  {
    title: "launches none with IMDSv1",
    who: "hook",
    action: "ec2:RunInstances",
    resource: ec2("instance/*"),
    keys: { ...GUARDED, "ec2:MetadataHttpTokens": "optional" },
    expected: "explicit-deny DenyLaunchWithImdsV1",
  },
  {
    title: "launches none that says nothing of IMDS",
    who: "hook",
    action: "ec2:RunInstances",
    resource: ec2("instance/*"),
    keys: { ...LEASED, "ec2:InstanceProfile": PROFILE },
    expected: "explicit-deny DenyLaunchWithImdsV1",
  },
  {
    title: "launches none with another profile",
    who: "hook",
    action: "ec2:RunInstances",
    resource: ec2("instance/*"),
    keys: { ...GUARDED, "ec2:InstanceProfile": `arn:aws:iam::${ACCOUNT}:instance-profile/updraftx/y` },
    expected: "explicit-deny DenyLaunchWithoutOurProfile",
  },
  {
    title: "launches none two hops away",
    who: "hook",
    action: "ec2:RunInstances",
    resource: ec2("instance/*"),
    keys: { ...GUARDED, "ec2:MetadataHttpPutResponseHopLimit": "2" },
    expected: "explicit-deny DenyLaunchWithHops",
  },
  {
    title: "is not stopped at the fleet by keys that it does not carry",
    who: "hook",
    action: "ec2:CreateFleet",
    resource: ec2("instance/*"),
    keys: LEASED,
    expected: "allow LaunchInstances",
  },
  {
    title: "is stopped at the fleet without a lease",
    who: "hook",
    action: "ec2:CreateFleet",
    resource: ec2("instance/*"),
    expected: "explicit-deny DenyLaunchWithoutLease",
  },
  {
    title: "uses templates that set-up made",
    who: "hook",
    action: "ec2:CreateFleet",
    resource: ec2("launch-template/lt-1"),
    keys: { "aws:ResourceTag/htcondor:AnnexName": "burst" },
    expected: "allow LaunchFromOurTemplates",
  },
  {
    title: "uses no other templates",
    who: "hook",
    action: "ec2:CreateFleet",
    resource: ec2("launch-template/lt-1"),
    expected: "implicit-deny",
  },
  {
    title: "uses an image, whose ARN has no account",
    who: "hook",
    action: "ec2:CreateFleet",
    resource: "arn:aws:ec2:us-east-1::image/ami-1",
    expected: "allow LaunchFromWhatExists",
  },
  {
    title: "tags what it launches",
    who: "hook",
    action: "ec2:CreateTags",
    resource: ec2("instance/*"),
    keys: { "ec2:CreateAction": "CreateFleet", "aws:TagKeys": ["x"] },
    expected: "allow TagWhatIsBeingLaunched",
  },
  {
    title: "renews a lease",
    who: "hook",
    action: "ec2:CreateTags",
    resource: ec2("instance/i-1"),
    keys: { "ec2:InstanceProfile": PROFILE, "aws:TagKeys": ["htcondor:LeaseExpiration"] },
    expected: "allow RenewAndRelease",
  },
  {
    title: "changes no other tag beside",
    who: "hook",
    action: "ec2:CreateTags",
    resource: ec2("instance/i-1"),
    keys: { "ec2:InstanceProfile": PROFILE, "aws:TagKeys": ["htcondor:LeaseExpiration", "Name"] },
    expected: "implicit-deny",
  },
  {
    title: "cannot call with no tag at all",
    who: "hook",
    action: "ec2:CreateTags",
    resource: ec2("instance/i-1"),
    keys: { "ec2:InstanceProfile": PROFILE },
    expected: "implicit-deny",
  },
  {
    title: "passes the nodes' roles to EC2",
    who: "hook",
    action: "iam:PassRole",
    resource: `arn:aws:iam::${ACCOUNT}:role/updraft/x`,
    keys: { "iam:PassedToService": "ec2.amazonaws.com" },
    expected: "allow PassNodeRoles",
  },
  {
    title: "passes no service's role",
    who: "hook",
    action: "iam:PassRole",
    resource: `arn:aws:iam::${ACCOUNT}:role/updraft-service/x`,
    keys: { "iam:PassedToService": "ec2.amazonaws.com" },
    expected: "implicit-deny",
  },
  {
    title: "terminates nothing",
    who: "hook",
    action: "ec2:TerminateInstances",
    resource: ec2("instance/i-1"),
    keys: { "ec2:InstanceProfile": PROFILE },
    expected: "implicit-deny",
  },
  {
    title: "reads owners",
    who: "hook",
    action: "s3:GetObject",
    resource: object("annexes/burst/owner"),
    expected: "allow ReadWhatIsNotSecret",
  },
  {
    title: "lists annexes",
    who: "hook",
    action: "s3:ListBucket",
    resource: `arn:aws:s3:::${BUCKET}`,
    keys: { "s3:prefix": "annexes/burst/" },
    expected: "allow ListAnnexes",
  },
  {
    title: "lists nothing else",
    who: "hook",
    action: "s3:ListBucket",
    resource: `arn:aws:s3:::${BUCKET}`,
    keys: { "s3:prefix": "" },
    expected: "implicit-deny",
  },
  {
    title: "claims an owner once",
    who: "operator",
    action: "s3:PutObject",
    resource: object("annexes/burst/owner"),
    keys: { "s3:if-none-match": "*" },
    expected: "allow WriteAnnexes",
  },
  {
    title: "claims no owner over another",
    who: "operator",
    action: "s3:PutObject",
    resource: object("annexes/burst/owner"),
    expected: "explicit-deny ClaimOnce",
  },
  {
    title: "reads no credential back",
    who: "operator",
    action: "s3:GetObject",
    resource: object("annexes/burst/credential/a"),
    keys: { "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT}:user/operator` },
    expected: "explicit-deny CredentialsForNodesOnly",
  },
  {
    title: "terminates ours",
    who: "enforcer",
    action: "ec2:TerminateInstances",
    resource: ec2("instance/i-1"),
    keys: { "ec2:InstanceProfile": PROFILE },
    expected: "allow EndOurs",
  },
  {
    title: "terminates none without a profile",
    who: "enforcer",
    action: "ec2:TerminateInstances",
    resource: ec2("instance/i-1"),
    expected: "implicit-deny",
  },
  {
    title: "writes into its log's streams",
    who: "enforcer",
    action: "logs:PutLogEvents",
    resource: `arn:aws:logs:us-east-1:${ACCOUNT}:log-group:updraft-enforcer:log-stream:x`,
    expected: "allow Log",
  },
  {
    title: "may do nothing",
    who: "nobody",
    action: "ec2:DescribeInstances",
    resource: "*",
    expected: "implicit-deny",
  },
];

describe("Decisions by the reference policies", () => {
  for (const { title, who, action, resource, keys = {}, expected } of CASES)
    test(`${who} ${title}`, () => {
      const given = Object.fromEntries(
        Object.entries({ ...TLS, ...keys }).filter(([, value]) => !Array.isArray(value) || value.length > 0),
      );
      const decision = evaluate(
        { action, resource, context: context(given) },
        { arn: `arn:aws:iam::${ACCOUNT}:user/${who}`, accountId: ACCOUNT },
        who === "nobody" ? [] : [policy(who)],
        resource.startsWith("arn:aws:s3") ? policy("bucket") : undefined,
      );
      const found = [decision.outcome, decision.sid].filter((part) => part !== undefined).join(" ");
      assert.equal(found, expected);
    });
});

describe("A policy", () => {
  const decide = (statement: object, action: string, resource = "r") =>
    evaluate(
      { action, resource, context: context({}) },
      { arn: "arn:aws:iam::1:user/u", accountId: "1" },
      [{ Statement: [statement as never] }],
      undefined,
    ).outcome;

  test("matches actions without regard to case", () => {
    assert.equal(decide({ Effect: "Allow", Action: "S3:getobject", Resource: "*" }, "s3:GetObject"), "allow");
  });
  test("with NotAction covers every other action, with NotResource every other resource", () => {
    assert.equal(
      decide({ Effect: "Allow", NotAction: "iam:*", Resource: "*" }, "iam:PassRole"),
      "implicit-deny",
    );
    assert.equal(decide({ Effect: "Allow", NotAction: "iam:*", Resource: "*" }, "ec2:Run"), "allow");
    assert.equal(decide({ Effect: "Allow", Action: "*", NotResource: "r*" }, "a:B", "rx"), "implicit-deny");
    assert.equal(decide({ Effect: "Allow", Action: "*", NotResource: "r*" }, "a:B", "x"), "allow");
  });
  test("of a resource allows its own account's principals and no one else's", () => {
    const bucket = {
      Statement: { Effect: "Allow", Action: "*", Resource: "*", Principal: { AWS: "1" } },
    } as const;
    const ask = (accountId: string) =>
      evaluate(
        { action: "s3:GetObject", resource: "r", context: context({}) },
        { arn: `arn:aws:iam::${accountId}:user/u`, accountId },
        [],
        bucket,
      ).outcome;
    assert.equal(ask("1"), "allow");
    assert.equal(ask("2"), "implicit-deny");
  });
  test("that is none is not read", () => {
    assert.equal(readPolicy("{"), undefined);
    assert.equal(readPolicy('{"Statement":[]}'), undefined);
    assert.equal(readPolicy('{"Statement":{"Effect":"Maybe","Action":"*"}}'), undefined);
  });
});
