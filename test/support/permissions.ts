/** What a policy allows and the run of the test does not call, with the reason; `*` at the end stands for the rest of a name. */
export const NOT_CALLED: Readonly<Record<string, readonly string[]>> = {
  "CloudFormation's own handlers read back what they have made, and tag it when the stack has tags; the sandbox's do not":
    [
      "cloudwatch:DescribeAlarms cloudwatch:ListTagsForResource cloudwatch:TagResource cloudwatch:UntagResource",
      "ec2:AuthorizeSecurityGroupEgress ec2:DeleteLaunchTemplateVersions ec2:DescribeLaunchTemplateVersions",
      "ec2:DescribeLaunchTemplates ec2:DescribeSecurityGroupRules ec2:DescribeSecurityGroups ec2:DescribeVpcs",
      "ec2:ModifyLaunchTemplate ec2:RevokeSecurityGroupEgress ec2:RevokeSecurityGroupIngress",
      "events:DescribeRule events:ListTagsForResource events:ListTargetsByRule events:TagResource events:UntagResource",
      "iam:GetPolicy iam:GetPolicyVersion iam:GetRolePolicy iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole iam:ListRolePolicies iam:UntagRole iam:UpdateRole iam:UpdateRoleDescription",
      "lambda:Get* lambda:ListTags lambda:TagResource lambda:UntagResource lambda:UpdateFunctionEventInvokeConfig",
      "logs:DeleteRetentionPolicy logs:DescribeIndexPolicies logs:DescribeLogGroups logs:DescribeResourcePolicies",
      "logs:GetDataProtectionPolicy logs:ListTagsForResource logs:TagResource logs:UntagResource",
      "s3:GetAccelerateConfiguration s3:GetAnalyticsConfiguration s3:GetBucket* s3:GetEncryptionConfiguration",
      "s3:GetIntelligentTieringConfiguration s3:GetInventoryConfiguration s3:GetLifecycleConfiguration",
      "s3:GetMetricsConfiguration s3:GetReplicationConfiguration s3:ListTagsForResource s3:PutBucketTagging",
      "s3:TagResource s3:UntagResource sns:GetDataProtectionPolicy sns:GetSubscriptionAttributes",
      "sns:GetTopicAttributes sns:ListSubscriptionsByTopic sns:ListTagsForResource sns:TagResource sns:UntagResource",
    ],
  "setup after a change of the templates, of --boundary or of --email, or after an upgrade": [
    "ec2:CreateLaunchTemplateVersion iam:CreatePolicyVersion iam:DeletePolicyVersion iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary iam:UpdateAssumeRolePolicy lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration sns:Subscribe sns:Unsubscribe",
  ],
  "teardown of what others have added: policies of roles and groups, unfinished uploads, objects one by one":
    ["iam:DetachGroupPolicy iam:DetachRolePolicy s3:AbortMultipartUpload"],
  "setup of an annex that has a key pair": ["ec2:DescribeKeyPairs"],
  "setup of an annex whose nodes are reached directly": ["ec2:AuthorizeSecurityGroupIngress"],
  "a stack that fails": ["cloudformation:DescribeStackEvents"],
  "check, sweep, plan and prices": [
    "cloudwatch:DescribeAlarms cloudwatch:GetMetricStatistics ec2:DescribeKeyPairs ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeInstanceTypeOfferings ec2:DescribeLaunchTemplates ec2:DescribeRouteTables ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory ec2:DescribeVpcs lambda:GetFunction lambda:GetFunctionConfiguration",
    "lambda:InvokeFunction pricing:GetProducts servicequotas:GetAWSDefaultServiceQuota servicequotas:GetServiceQuota",
    "sns:ListSubscriptionsByTopic",
  ],
  "a refusal whose reason EC2 has encoded": ["sts:DecodeAuthorizationMessage"],
  "an annex whose image is named by a parameter": ["ssm:GetParameter"],
};
