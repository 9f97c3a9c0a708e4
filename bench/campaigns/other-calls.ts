import type { Sandbox } from "../../sandbox/sandbox.ts";

export type OtherCall = {
  readonly statement: string;
  readonly user: "installer" | "operator" | "hook" | "alice";
  readonly action: string;
  /** BUCKET stands for the account's. */
  readonly resource: string;
  readonly keys?: Readonly<Record<string, string>>;
};

/** What the account would answer to it. */
export async function simulated(sandbox: Sandbox, { user, action, resource, keys = {} }: OtherCall) {
  const [bucket = ""] = (await sandbox.inventory())["buckets"] ?? [];
  return sandbox.simulate(user, { action, resource: resource.replace("BUCKET", bucket), keys });
}

/** One call for each statement that an annex's life from setup to teardown does not need: without the statement it would be refused. */
export const OTHER_CALLS: readonly OtherCall[] = [
  {
    statement: "HookPolicy/ResolveImages",
    user: "hook",
    action: "ssm:GetParameter",
    resource: "arn:aws:ssm:us-east-1::parameter/aws/service/debian/release/12/latest/amd64",
  },
  {
    statement: "OperatorPolicy/LookWider",
    user: "operator",
    action: "ec2:DescribeRouteTables",
    resource: "*",
  },
  {
    statement: "OperatorPolicy/SweepNow",
    user: "operator",
    action: "lambda:InvokeFunction",
    resource: "arn:aws:lambda:us-east-1:123456789012:function:updraft-enforcer",
  },
  {
    statement: "OperatorPolicy/ReadSubscriptions",
    user: "operator",
    action: "sns:ListSubscriptionsByTopic",
    resource: "arn:aws:sns:us-east-1:123456789012:updraft",
  },
  {
    statement: "UserPolicy/ListReports",
    user: "alice",
    action: "s3:ListBucket",
    resource: "arn:aws:s3:::BUCKET",
    keys: { "s3:prefix": "reports/burst/" },
  },
  {
    statement: "UserPolicy/ResolveImage",
    user: "alice",
    action: "ssm:GetParameter",
    resource: "arn:aws:ssm:us-east-1::parameter/aws/service/debian/release/12/latest/amd64",
  },
  {
    statement: "setup-account/LogGroups",
    user: "installer",
    action: "logs:DescribeLogGroups",
    resource: "*",
  },
];
