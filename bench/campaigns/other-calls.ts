export type OtherCall = {
  readonly statement: string;
  readonly user: "installer" | "operator" | "hook";
  readonly action: string;
  readonly resource: string;
};

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
    statement: "setup-account/LogGroups",
    user: "installer",
    action: "logs:DescribeLogGroups",
    resource: "*",
  },
];
