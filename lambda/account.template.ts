import { DEFAULT_MAX_LEASE_SECONDS, LONGEST_MAX_LEASE_SECONDS } from "../core/lease.ts";
import { BOUNDARY, BOUNDARY_PARAMETER, HAS_BOUNDARY, attribute, output, ref, sub } from "./intrinsic.ts";

const ec2 = (resource: string) =>
  sub(`arn:\${AWS::Partition}:ec2:\${AWS::Region}:\${AWS::AccountId}:${resource}`);
const ownerless = (resource: string) => sub(`arn:\${AWS::Partition}:ec2:\${AWS::Region}::${resource}`);
const objects = (pattern: string) => sub(`arn:\${AWS::Partition}:s3:::\${Bucket}/${pattern}`);
const iam = (resource: string) => sub(`arn:\${AWS::Partition}:iam::\${AWS::AccountId}:${resource}`);

const BUCKET_ARN = sub("arn:${AWS::Partition}:s3:::${Bucket}");
const INSTANCES = ec2("instance/*");
/** Only what an annex's stack made has such a profile. */
const OUR_PROFILE = { "ec2:InstanceProfile": iam("instance-profile/updraft/*") };
const LAUNCH = ["ec2:RunInstances", "ec2:CreateFleet"];
/** What a launch brings into being, and so what it may tag. */
const LAUNCHED = [
  INSTANCES,
  ec2("volume/*"),
  ec2("network-interface/*"),
  ec2("spot-instances-request/*"),
  ec2("fleet/*"),
];

type Statement = {
  Sid: string;
  Effect: "Allow" | "Deny";
  Action: string | string[];
  Resource: unknown;
  Condition?: object;
};

const allow = (Sid: string, Action: string | string[], Resource: unknown, Condition?: object): Statement => ({
  Sid,
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const deny = (Sid: string, Action: string | string[], Resource: unknown, Condition: object): Statement => ({
  Sid,
  Effect: "Deny",
  Action,
  Resource,
  Condition,
});
const policy = (Statement: object[]) => ({ Version: "2012-10-17", Statement });

/** Order, tag, describe; it terminates nothing. Each Deny names instances only: other types do not carry these keys. */
const HOOK: Statement[] = [
  allow(
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
  ),
  allow("LaunchFromWhatExists", LAUNCH, [
    ownerless("image/*"),
    ownerless("snapshot/*"),
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
    sub("arn:${AWS::Partition}:ssm:${AWS::Region}::parameter/aws/service/*"),
    sub("arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/updraft/*"),
  ]),
  allow(
    "ReadStacks",
    "cloudformation:DescribeStacks",
    sub("arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/updraft*/*"),
  ),
];

/** Create, renew, delete; held together with the hook's policy. */
const OPERATOR: Statement[] = [
  allow(
    "CheckBucket",
    ["s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetEncryptionConfiguration"],
    BUCKET_ARN,
  ),
  allow(
    "CheckSchedule",
    ["events:DescribeRule", "events:ListTargetsByRule"],
    sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/updraft*"),
  ),
  allow(
    "CheckTemplates",
    "cloudformation:GetTemplate",
    sub("arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/updraft*/*"),
  ),
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
    sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:updraft*"),
  ),
  allow(
    "ReadSubscriptions",
    "sns:ListSubscriptionsByTopic",
    sub("arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:updraft*"),
  ),
];

/** The enforcer sees every instance, ends ours, and writes down when it has swept. */
const ENFORCER: Statement[] = [
  allow("See", "ec2:DescribeInstances", "*"),
  allow("EndOurs", "ec2:TerminateInstances", INSTANCES, { ArnLike: OUR_PROFILE }),
  allow("RememberLastSweep", ["s3:GetObject", "s3:PutObject"], objects("sweeps/last")),
  allow("Tell", "sns:Publish", ref("Topic")),
  allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], attribute("LogGroup", "Arn")),
];

const everyone = (statement: Statement) => ({ ...statement, Principal: "*" });

/** Deny only, so that the bucket stays private. */
const BUCKET = [
  deny("TlsOnly", "s3:*", [BUCKET_ARN, objects("*")], { Bool: { "aws:SecureTransport": "false" } }),
  deny(
    "CredentialsForNodesOnly",
    ["s3:GetObject", "s3:GetObjectVersion"],
    objects("annexes/*/credential/*"),
    { ArnNotLike: { "aws:PrincipalArn": [iam("role/updraft/*"), iam("root")] } },
  ),
  deny("ClaimOnce", "s3:PutObject", objects("annexes/*/owner"), { Null: { "s3:if-none-match": "true" } }),
].map(everyone);

const ENFORCER_NAME = sub("${AWS::StackName}-enforcer");

/** What one account and region needs, whatever the number of annexes. `enforcer` is the bundled handler, CommonJS. */
export function accountTemplate(enforcer: string) {
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Updraft: what one account and region needs, whatever the number of annexes",
    Parameters: {
      PermissionsBoundary: BOUNDARY_PARAMETER,
      MaxLeaseSeconds: {
        Type: "Number",
        Default: DEFAULT_MAX_LEASE_SECONDS,
        MinValue: 3600,
        MaxValue: LONGEST_MAX_LEASE_SECONDS,
      },
      AlarmEmail: { Type: "String", Default: "" },
    },
    Conditions: {
      HasBoundary: HAS_BOUNDARY,
      HasEmail: { "Fn::Not": [{ "Fn::Equals": [ref("AlarmEmail"), ""] }] },
    },
    Resources: {
      Bucket: {
        Type: "AWS::S3::Bucket",
        DeletionPolicy: "Delete",
        UpdateReplacePolicy: "Retain",
        Properties: {
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: true,
            BlockPublicPolicy: true,
            IgnorePublicAcls: true,
            RestrictPublicBuckets: true,
          },
          OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
          BucketEncryption: {
            ServerSideEncryptionConfiguration: [
              { ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } },
            ],
          },
          LifecycleConfiguration: {
            Rules: [
              { Id: "reports", Status: "Enabled", Prefix: "reports/", ExpirationInDays: 30 },
              {
                Id: "uploads",
                Status: "Enabled",
                AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
              },
            ],
          },
        },
      },
      BucketPolicy: {
        Type: "AWS::S3::BucketPolicy",
        Properties: { Bucket: ref("Bucket"), PolicyDocument: policy(BUCKET) },
      },
      LogGroup: {
        Type: "AWS::Logs::LogGroup",
        DeletionPolicy: "Delete",
        UpdateReplacePolicy: "Delete",
        Properties: { LogGroupName: ENFORCER_NAME, RetentionInDays: 90 },
      },
      EnforcerRole: {
        Type: "AWS::IAM::Role",
        Properties: {
          Path: "/updraft-service/",
          AssumeRolePolicyDocument: policy([
            {
              Sid: "Lambda",
              Effect: "Allow",
              Principal: { Service: "lambda.amazonaws.com" },
              Action: "sts:AssumeRole",
            },
          ]),
          PermissionsBoundary: BOUNDARY,
          Policies: [{ PolicyName: "enforcer", PolicyDocument: policy(ENFORCER) }],
        },
      },
      Enforcer: {
        Type: "AWS::Lambda::Function",
        Properties: {
          FunctionName: ENFORCER_NAME,
          Runtime: "nodejs24.x",
          Handler: "index.handler",
          Role: attribute("EnforcerRole", "Arn"),
          Architectures: ["arm64"],
          MemorySize: 256,
          // Less than the schedule's period.
          Timeout: 50,
          LoggingConfig: { LogGroup: ref("LogGroup"), LogFormat: "Text" },
          Environment: {
            Variables: {
              MAX_LEASE_SECONDS: ref("MaxLeaseSeconds"),
              PROFILE_PREFIX: iam("instance-profile/updraft/"),
              METRIC_STACK: ref("AWS::StackName"),
              BUCKET: ref("Bucket"),
              TOPIC: ref("Topic"),
            },
          },
          Code: { ZipFile: enforcer },
        },
      },
      EnforcerInvoke: {
        Type: "AWS::Lambda::EventInvokeConfig",
        Properties: {
          FunctionName: ref("Enforcer"),
          Qualifier: "$LATEST",
          MaximumRetryAttempts: 0,
          MaximumEventAgeInSeconds: 60,
        },
      },
      Schedule: {
        Type: "AWS::Events::Rule",
        Properties: {
          Name: ENFORCER_NAME,
          ScheduleExpression: "rate(1 minute)",
          State: "ENABLED",
          Targets: [{ Id: "enforcer", Arn: attribute("Enforcer", "Arn") }],
        },
      },
      // Without it the rule fires into nothing, silently.
      SchedulePermission: {
        Type: "AWS::Lambda::Permission",
        Properties: {
          FunctionName: ref("Enforcer"),
          Action: "lambda:InvokeFunction",
          Principal: "events.amazonaws.com",
          SourceArn: attribute("Schedule", "Arn"),
        },
      },
      Topic: { Type: "AWS::SNS::Topic", Properties: { TopicName: sub("${AWS::StackName}") } },
      TopicPolicy: {
        Type: "AWS::SNS::TopicPolicy",
        Properties: {
          Topics: [ref("Topic")],
          PolicyDocument: policy([
            {
              Sid: "Alarms",
              Effect: "Allow",
              Principal: { Service: "cloudwatch.amazonaws.com" },
              Action: "sns:Publish",
              Resource: sub("${Topic}"),
              Condition: {
                StringEquals: { "aws:SourceAccount": sub("${AWS::AccountId}") },
                ArnLike: {
                  "aws:SourceArn": sub(
                    "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${AWS::StackName}-*",
                  ),
                },
              },
            },
            {
              Sid: "Tls",
              Effect: "Deny",
              Principal: "*",
              Action: "sns:Publish",
              Resource: sub("${Topic}"),
              Condition: { Bool: { "aws:SecureTransport": "false" } },
            },
          ]),
        },
      },
      Email: {
        Type: "AWS::SNS::Subscription",
        Condition: "HasEmail",
        Properties: { TopicArn: ref("Topic"), Protocol: "email", Endpoint: ref("AlarmEmail") },
      },
      Alarm: {
        Type: "AWS::CloudWatch::Alarm",
        DependsOn: ["TopicPolicy", "SchedulePermission"],
        Properties: {
          AlarmName: sub("${AWS::StackName}-no-complete-sweep"),
          AlarmDescription: "The lease enforcer has not completed a sweep",
          Namespace: "Updraft",
          MetricName: "CompleteSweep",
          Dimensions: [{ Name: "Stack", Value: ref("AWS::StackName") }],
          Statistic: "Sum",
          Period: 60,
          EvaluationPeriods: 5,
          DatapointsToAlarm: 5,
          Threshold: 1,
          ComparisonOperator: "LessThanThreshold",
          TreatMissingData: "breaching",
          AlarmActions: [ref("Topic")],
          OKActions: [ref("Topic")],
        },
      },
      HookPolicy: {
        Type: "AWS::IAM::ManagedPolicy",
        Properties: {
          Path: "/updraft/",
          Description: "Updraft: order, tag, describe",
          PolicyDocument: policy(HOOK),
        },
      },
      OperatorPolicy: {
        Type: "AWS::IAM::ManagedPolicy",
        Properties: {
          Path: "/updraft/",
          Description: "Updraft: create, renew, delete (with the hook policy)",
          PolicyDocument: policy(OPERATOR),
        },
      },
    },
    Outputs: {
      Bucket: output(ref("Bucket")),
      Enforcer: output(attribute("Enforcer", "Arn")),
      Topic: output(ref("Topic")),
      HookPolicy: output(ref("HookPolicy")),
      OperatorPolicy: output(ref("OperatorPolicy")),
    },
  };
}
