import { INSTANCES, OUR_PROFILE, ec2, iam, objects, ownerless, parameters, stacks } from "./arns.ts";
import { allow, deny, type Statement } from "./statement.ts";

const LAUNCH = ["ec2:RunInstances", "ec2:CreateFleet"];
/** What a launch brings into being, and so what it may tag. */
const LAUNCHED = [
  INSTANCES,
  ec2("volume/*"),
  ec2("network-interface/*"),
  ec2("spot-instances-request/*"),
  ec2("fleet/*"),
];

/** Whoever orders looks first: what EC2 describes has no resources to name. */
export const LOOK = allow(
  "Look",
  [
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
    "sts:DecodeAuthorizationMessage",
  ],
  "*",
);

/** Order, tag, describe; it terminates nothing. Each Deny names instances only: other types do not carry these keys. */
export const HOOK: readonly Statement[] = [
  LOOK,
  allow("LaunchFromWhatExists", LAUNCH, [
    ownerless("ec2", "image/*"),
    ownerless("ec2", "snapshot/*"),
    ec2("subnet/*"),
    ec2("security-group/*"),
    ec2("key-pair/*"),
  ]),
  allow("LaunchFromOurTemplates", LAUNCH, ec2("launch-template/*"), {
    Null: { "aws:ResourceTag/htcondor:AnnexName": "false" },
  }),
  allow("LaunchInstances", LAUNCH, LAUNCHED),
  deny("DenyLaunchWithoutLease", LAUNCH, INSTANCES, {
    Null: { "aws:RequestTag/htcondor:LeaseExpiration": "true" },
  }),
  deny("DenyLaunchWithoutAnnex", LAUNCH, INSTANCES, {
    Null: { "aws:RequestTag/htcondor:AnnexName": "true" },
  }),
  deny("DenyLaunchWithoutPool", LAUNCH, INSTANCES, { Null: { "aws:RequestTag/htcondor:Pool": "true" } }),
  deny("DenyLaunchWithoutOurProfile", "ec2:RunInstances", INSTANCES, { ArnNotLike: OUR_PROFILE }),
  deny("DenyLaunchWithImdsV1", "ec2:RunInstances", INSTANCES, {
    StringNotEquals: { "ec2:MetadataHttpTokens": "required" },
  }),
  deny("DenyLaunchWithHops", "ec2:RunInstances", INSTANCES, {
    NumericGreaterThan: { "ec2:MetadataHttpPutResponseHopLimit": "1" },
  }),
  allow("TagWhatIsBeingLaunched", "ec2:CreateTags", LAUNCHED, {
    StringEquals: { "ec2:CreateAction": ["RunInstances", "CreateFleet"] },
  }),
  allow("RenewAndRelease", "ec2:CreateTags", INSTANCES, {
    ArnLike: OUR_PROFILE,
    "ForAllValues:StringEquals": { "aws:TagKeys": ["htcondor:LeaseExpiration", "htcondor:Release"] },
    // Without any key ForAllValues alone is true.
    Null: { "aws:TagKeys": "false" },
  }),
  allow("PassNodeRoles", "iam:PassRole", iam("role/updraft/*"), {
    StringLike: { "iam:PassedToService": "ec2.amazonaws.com*" },
  }),
  allow("ReadWhatIsNotSecret", "s3:GetObject", [
    objects("annexes/*/owner"),
    objects("annexes/*/annex.ini"),
    objects("reports/*"),
    // Without a recent sweep the hook orders nothing.
    objects("sweeps/last"),
  ]),
  allow("ResolveImages", "ssm:GetParameter", [
    ownerless("ssm", "parameter/aws/service/*"),
    parameters("updraft/*"),
  ]),
  allow("ReadStacks", "cloudformation:DescribeStacks", stacks("updraft*")),
];
