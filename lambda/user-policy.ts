import { INSTANCES, arn, ec2, objects, ownerless, parameters, stacks } from "./arns.ts";
import { LOOK } from "./hook-policy.ts";
import { attribute, ref, sub } from "./intrinsic.ts";
import { allow, policy } from "./statement.ts";

const VOLUMES = ec2("volume/*");
const NETWORK_INTERFACES = ec2("network-interface/*");
const PROFILE = attribute("Profile", "Arn");

/** What an order consists of beside its instances: of this annex where there is a choice that could be abused. */
const PARTS = [
  ec2("launch-template/${LaunchTemplate}"),
  ec2("launch-template/${BurstableLaunchTemplate}"),
  ownerless("ec2", "image/${ImageId}"),
  ec2("security-group/${SecurityGroup.GroupId}"),
  ec2("key-pair/${KeyName}"),
  ec2("subnet/*"),
  VOLUMES,
  NETWORK_INTERFACES,
];

const OUR_TAGS = {
  "aws:RequestTag/htcondor:AnnexName": ref("Annex"),
  "aws:RequestTag/htcondor:Pool": ref("Pool"),
};
const WITH_LEASE = { "aws:RequestTag/htcondor:LeaseExpiration": "false" };
/**
 * Only a fleet launches: it takes user data from our launch template and nowhere else, so that the node's role, which
 * reads the pool's credential, runs nothing but our program.
 */
const BY_FLEET = { "aws:ViaAWSService": "true" };
/** Instances that this annex's stack let be launched. */
const OURS = {
  ArnEquals: { "ec2:InstanceProfile": PROFILE },
  StringEquals: { "aws:ResourceTag/htcondor:AnnexName": ref("Annex") },
};

/**
 * What an ordinary user needs for this annex, and nothing else. It allows only: a Deny would also forbid what the same
 * person does with another annex, or with instances of their own.
 */
const USER = [
  LOOK,
  allow("OrderFromAnnex", "ec2:CreateFleet", [...PARTS, ec2("fleet/*")]),
  allow("OrderInstances", "ec2:CreateFleet", INSTANCES, { StringEquals: OUR_TAGS, Null: WITH_LEASE }),
  allow("LaunchFromAnnex", "ec2:RunInstances", PARTS, { Bool: BY_FLEET }),
  allow("LaunchInstances", "ec2:RunInstances", INSTANCES, {
    Bool: BY_FLEET,
    ArnEquals: { "ec2:InstanceProfile": PROFILE },
    StringEquals: {
      ...OUR_TAGS,
      "ec2:InstanceType": ref("InstanceTypes"),
      "ec2:MetadataHttpTokens": "required",
    },
    NumericLessThanEquals: { "ec2:MetadataHttpPutResponseHopLimit": "1" },
    Null: WITH_LEASE,
  }),
  allow("TagWhatIsBeingLaunched", "ec2:CreateTags", [INSTANCES, VOLUMES, NETWORK_INTERFACES], {
    StringEquals: {
      "ec2:CreateAction": ["RunInstances", "CreateFleet"],
      "aws:RequestTag/htcondor:AnnexName": ref("Annex"),
    },
  }),
  allow("RenewAndRelease", "ec2:CreateTags", INSTANCES, {
    ...OURS,
    "ForAllValues:StringEquals": { "aws:TagKeys": ["htcondor:LeaseExpiration", "htcondor:Release"] },
    // Without any key ForAllValues alone is true.
    Null: { "aws:TagKeys": "false" },
  }),
  allow("EndInstances", "ec2:TerminateInstances", INSTANCES, OURS),
  allow("PassNodeRole", "iam:PassRole", attribute("Role", "Arn"), {
    StringLike: { "iam:PassedToService": "ec2.amazonaws.com*" },
    Bool: BY_FLEET,
  }),
  allow("ReadAnnex", "s3:GetObject", [
    objects("annexes/${Annex}/owner"),
    objects("annexes/${Annex}/annex.ini"),
    objects("reports/${Annex}/*"),
  ]),
  allow("ListReports", "s3:ListBucket", arn("s3:::${Bucket}"), {
    StringLike: { "s3:prefix": sub("reports/${Annex}/*") },
  }),
  allow("ReadStacks", "cloudformation:DescribeStacks", [stacks("updraft"), stacks("updraft-${Annex}")]),
  allow("ResolveImage", "ssm:GetParameter", [
    ownerless("ssm", "parameter/aws/service/*"),
    parameters("updraft/*"),
  ]),
];

export const USER_POLICY = {
  Type: "AWS::IAM::ManagedPolicy",
  Properties: {
    Path: "/updraft/",
    Description: sub("Updraft: order, renew and end instances of annex ${Annex}, ${AWS::Region}"),
    PolicyDocument: policy(USER),
  },
};

/** Which image and types the policy allows: those of the knobs when the annex was set up. */
export const USER_POLICY_PARAMETERS = {
  ImageId: { Type: "String", AllowedPattern: "ami-[0-9a-z]{8,17}" },
  InstanceTypes: { Type: "CommaDelimitedList" },
};
