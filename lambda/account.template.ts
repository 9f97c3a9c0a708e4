import { DEFAULT_MAX_LEASE_SECONDS, LONGEST_MAX_LEASE_SECONDS } from "../core/lease.ts";
import { BUCKET_ARN, INSTANCES, OUR_PROFILE, iam, objects } from "./arns.ts";
import { HOOK } from "./hook-policy.ts";
import { BOUNDARY, BOUNDARY_PARAMETER, HAS_BOUNDARY, attribute, output, ref, sub } from "./intrinsic.ts";
import { OPERATOR } from "./operator-policy.ts";
import { allow, deny, policy, type Statement } from "./statement.ts";

/** The enforcer sees every instance, ends ours, and writes down when it has swept. */
const ENFORCER: readonly Statement[] = [
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
