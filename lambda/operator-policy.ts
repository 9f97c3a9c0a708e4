import { BUCKET_ARN, INSTANCES, OUR_PROFILE, functions, objects, rules, stacks, topics } from "./arns.ts";
import { allow, type Statement } from "./statement.ts";

/** Create, renew, delete; held together with the hook's policy. */
export const OPERATOR: readonly Statement[] = [
  allow(
    "CheckBucket",
    ["s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration"],
    BUCKET_ARN,
  ),
  allow("CheckSchedule", ["events:DescribeRule", "events:ListTargetsByRule"], rules("updraft*")),
  allow("CheckTemplates", "cloudformation:GetTemplate", stacks("updraft*")),
  allow("CheckProgram", "s3:GetObject", objects("bin/*")),
  allow(
    "WriteAnnexes",
    ["s3:PutObject", "s3:DeleteObject"],
    [objects("annexes/*"), objects("bin/*"), objects("reports/*")],
  ),
  allow("ListAll", "s3:ListBucket", BUCKET_ARN),
  allow("EndInstances", "ec2:TerminateInstances", INSTANCES, { ArnLike: OUR_PROFILE }),
  allow(
    "LookWider",
    [
      "ec2:DescribeKeyPairs",
      "ec2:DescribeLaunchTemplateVersions",
      "ec2:DescribeLaunchTemplates",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeVpcs",
      "cloudformation:ListStacks",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:GetMetricStatistics",
      "pricing:GetProducts",
      "servicequotas:GetAWSDefaultServiceQuota",
      "servicequotas:GetServiceQuota",
    ],
    "*",
  ),
  allow(
    "SweepNow",
    ["lambda:InvokeFunction", "lambda:GetFunction", "lambda:GetFunctionConfiguration"],
    functions("updraft*"),
  ),
  allow("ReadSubscriptions", "sns:ListSubscriptionsByTopic", topics("updraft*")),
];
