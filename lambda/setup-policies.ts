import { partitionOf } from "../core/partition.ts";
import { allow, policy, type Statement } from "./statement.ts";

/** The two halves of what the person may do who runs setup and teardown: as one policy it would be too long for IAM. */
export const SETUP_POLICIES = ["account", "annex"] as const;
export type SetupPolicy = (typeof SETUP_POLICIES)[number];

export type SetupPolicyTerms = {
  /** Where to set up; every region when undefined. */
  readonly region: string | undefined;
  /** Every role must then be made with it, which keeps the holder from becoming administrator. */
  readonly boundary: string | undefined;
};

/** A policy document for one account; its number need not be known, as nobody can give rights in another one. */
export function setupPolicy(name: SetupPolicy, terms: SetupPolicyTerms): object {
  const statements = name === "account" ? account(terms) : annex(terms);
  return policy(statements);
}

const actions = (service: string, ...names: string[]): string[] => names.map((name) => `${service}:${name}`);

function arns(region: string | undefined) {
  const partition = region === undefined ? "aws" : partitionOf(region).name;
  return {
    iam: (resource: string) => `arn:${partition}:iam::*:${resource}`,
    s3: (resource: string) => `arn:${partition}:s3:::${resource}`,
    at: (service: string, resource: string) => `arn:${partition}:${service}:${region ?? "*"}:*:${resource}`,
  };
}

function account({ region, boundary }: SetupPolicyTerms): Statement[] {
  const { iam, s3, at } = arns(region);
  const roles = [iam("role/updraft/*"), iam("role/updraft-service/*")];
  const spotRole = iam("role/aws-service-role/spot.amazonaws.com/*");
  // Whether one that is not there is looked for under its path, AWS does not say.
  const maybeSpotRole = [spotRole, iam("role/AWSServiceRoleForEC2Spot")];
  const bounded =
    boundary === undefined ? undefined : { StringEquals: { "iam:PermissionsBoundary": boundary } };
  return [
    allow(
      "Stacks",
      actions(
        "cloudformation",
        "CreateStack",
        "DeleteStack",
        "DescribeStackEvents",
        "DescribeStacks",
        "ListStackResources",
        "UpdateStack",
      ),
      at("cloudformation", "stack/updraft*/*"),
    ),
    allow("FindStacks", "cloudformation:ListStacks", "*"),
    allow(
      "MakeRoles",
      actions("iam", "CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary"),
      roles,
      bounded,
    ),
    allow(
      "Roles",
      actions(
        "iam",
        "DeleteRole",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        ...(boundary === undefined ? ["DeleteRolePermissionsBoundary"] : []),
        "GetRole",
        "GetRolePolicy",
        "ListAttachedRolePolicies",
        "ListInstanceProfilesForRole",
        "ListRolePolicies",
        "PassRole",
        "TagRole",
        "UntagRole",
        "UpdateAssumeRolePolicy",
        "UpdateRole",
        "UpdateRoleDescription",
      ),
      roles,
    ),
    allow(
      "Policies",
      actions(
        "iam",
        "CreatePolicy",
        "CreatePolicyVersion",
        "DeletePolicy",
        "DeletePolicyVersion",
        "GetPolicy",
        "GetPolicyVersion",
        "ListEntitiesForPolicy",
        "ListPolicyVersions",
      ),
      iam("policy/updraft/*"),
    ),
    allow(
      "DetachOurs",
      actions("iam", "DetachGroupPolicy", "DetachRolePolicy", "DetachUserPolicy"),
      [iam("group/*"), iam("role/*"), iam("user/*")],
      { ArnLike: { "iam:PolicyARN": iam("policy/updraft/*") } },
    ),
    allow("SpotRole", "iam:CreateServiceLinkedRole", spotRole, {
      StringEquals: { "iam:AWSServiceName": "spot.amazonaws.com" },
    }),
    allow("SeeSpotRole", "iam:GetRole", maybeSpotRole),
    allow(
      "Enforcer",
      actions(
        "lambda",
        "AddPermission",
        "CreateFunction",
        "DeleteFunction",
        "DeleteFunctionEventInvokeConfig",
        "Get*",
        "ListTags",
        "PutFunctionEventInvokeConfig",
        "RemovePermission",
        "TagResource",
        "UntagResource",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "UpdateFunctionEventInvokeConfig",
      ),
      at("lambda", "function:updraft*"),
    ),
    allow(
      "Schedule",
      actions(
        "events",
        "DeleteRule",
        "DescribeRule",
        "DisableRule",
        "ListTagsForResource",
        "ListTargetsByRule",
        "PutRule",
        "PutTargets",
        "RemoveTargets",
        "TagResource",
        "UntagResource",
      ),
      at("events", "rule/updraft*"),
    ),
    allow(
      "LogGroup",
      actions(
        "logs",
        "CreateLogGroup",
        "DeleteLogGroup",
        "DeleteRetentionPolicy",
        "GetDataProtectionPolicy",
        "ListTagsForResource",
        "PutRetentionPolicy",
        "TagResource",
        "UntagResource",
      ),
      [at("logs", "log-group:updraft*"), at("logs", "log-group:updraft*:*")],
    ),
    allow(
      "LogGroups",
      actions("logs", "DescribeIndexPolicies", "DescribeLogGroups", "DescribeResourcePolicies"),
      "*",
    ),
    allow(
      "Topic",
      actions(
        "sns",
        "CreateTopic",
        "DeleteTopic",
        "GetDataProtectionPolicy",
        "GetSubscriptionAttributes",
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "ListTagsForResource",
        "SetTopicAttributes",
        "Subscribe",
        "TagResource",
        "Unsubscribe",
        "UntagResource",
      ),
      at("sns", "updraft*"),
    ),
    allow(
      "Alarm",
      actions(
        "cloudwatch",
        "DeleteAlarms",
        "DescribeAlarms",
        "ListTagsForResource",
        "PutMetricAlarm",
        "TagResource",
        "UntagResource",
      ),
      at("cloudwatch", "alarm:updraft*"),
    ),
    allow(
      "Bucket",
      actions(
        "s3",
        "CreateBucket",
        "DeleteBucket",
        "DeleteBucketPolicy",
        "GetAccelerateConfiguration",
        "GetAnalyticsConfiguration",
        "GetBucket*",
        "GetEncryptionConfiguration",
        "GetIntelligentTieringConfiguration",
        "GetInventoryConfiguration",
        "GetLifecycleConfiguration",
        "GetMetricsConfiguration",
        "GetReplicationConfiguration",
        "ListBucket",
        "ListBucketMultipartUploads",
        "ListBucketVersions",
        "ListTagsForResource",
        "PutBucketOwnershipControls",
        "PutBucketPolicy",
        "PutBucketPublicAccessBlock",
        "PutBucketTagging",
        "PutEncryptionConfiguration",
        "PutLifecycleConfiguration",
        "TagResource",
        "UntagResource",
      ),
      s3("updraft*"),
    ),
    allow(
      "BucketObjects",
      actions("s3", "AbortMultipartUpload", "DeleteObject", "DeleteObjectVersion", "GetObject", "PutObject"),
      s3("updraft*/*"),
    ),
  ];
}

function annex({ region }: SetupPolicyTerms): Statement[] {
  const { iam, at } = arns(region);
  const templates = at("ec2", "launch-template/*");
  const groups = at("ec2", "security-group/*");
  return [
    allow(
      "Profiles",
      actions(
        "iam",
        "AddRoleToInstanceProfile",
        "CreateInstanceProfile",
        "DeleteInstanceProfile",
        "GetInstanceProfile",
        "RemoveRoleFromInstanceProfile",
      ),
      iam("instance-profile/updraft/*"),
    ),
    allow("MakeNetworkAndTemplate", actions("ec2", "CreateLaunchTemplate", "CreateSecurityGroup"), [
      templates,
      groups,
      at("ec2", "vpc/*"),
    ]),
    allow("TagThemAtCreation", "ec2:CreateTags", [templates, groups], {
      StringEquals: { "ec2:CreateAction": ["CreateLaunchTemplate", "CreateSecurityGroup"] },
    }),
    allow(
      "ChangeOurs",
      actions(
        "ec2",
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "CreateLaunchTemplateVersion",
        "DeleteLaunchTemplate",
        "DeleteLaunchTemplateVersions",
        "DeleteSecurityGroup",
        "ModifyLaunchTemplate",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
      ),
      [templates, groups],
      // Only what setup made has the tag.
      { Null: { "aws:ResourceTag/htcondor:AnnexName": "false" } },
    ),
    allow(
      "Look",
      actions(
        "ec2",
        "DescribeInstances",
        "DescribeKeyPairs",
        "DescribeLaunchTemplateVersions",
        "DescribeLaunchTemplates",
        "DescribeSecurityGroupRules",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeTags",
        "DescribeVpcs",
      ),
      "*",
    ),
  ];
}
