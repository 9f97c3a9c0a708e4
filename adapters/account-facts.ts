import { CloudFormationClient, GetTemplateCommand } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient, DescribeAlarmsCommand } from "@aws-sdk/client-cloudwatch";
import {
  DescribeRuleCommand,
  EventBridgeClient,
  ListTargetsByRuleCommand,
} from "@aws-sdk/client-eventbridge";
import { GetFunctionConfigurationCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  GetBucketEncryptionCommand,
  GetBucketPolicyCommand,
  GetPublicAccessBlockCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import { ListSubscriptionsByTopicCommand, SNSClient, type Subscription } from "@aws-sdk/client-sns";
import type { AccountFacts } from "../core/check/ports.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError } from "./aws-errors.ts";
import { identity } from "./sts.ts";

/** What says that something is not there, service by service. */
const ABSENT = new Set([
  "NoSuchBucketPolicy",
  "NoSuchPublicAccessBlockConfiguration",
  "NoSuchResourceException",
  "ResourceNotFoundException",
  "ServerSideEncryptionConfigurationNotFoundError",
]);

/** The parts of the account's stack as their own services show them. */
export function accountFacts(region: string, options: AwsClientOptions = {}): AccountFacts {
  const cloudFormation = awsClient(CloudFormationClient, region, options);
  const cloudWatch = awsClient(CloudWatchClient, region, options);
  const events = awsClient(EventBridgeClient, region, options);
  const lambda = awsClient(LambdaClient, region, options);
  const s3 = awsClient(S3Client, region, options);
  const quotas = awsClient(ServiceQuotasClient, region, options);
  const sns = awsClient(SNSClient, region, options);

  /** Undefined when what is asked for is not there. */
  async function read<T>(doing: string, answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (ABSENT.has(awsCode(error))) return undefined;
      throw awsError(error, doing);
    }
  }

  return {
    identity: () => identity(region, options),
    async template(stack) {
      const doing = `read the template of the stack ${stack}`;
      const command = new GetTemplateCommand({ StackName: stack });
      return (await read(doing, cloudFormation.send(command)))?.TemplateBody ?? "";
    },
    async bucket(name, account) {
      const place = { Bucket: name, ExpectedBucketOwner: account };
      const [block, encryption, policy] = await Promise.all([
        read(`read how ${name} is closed to the public`, s3.send(new GetPublicAccessBlockCommand(place))),
        read(`read how ${name} is encrypted`, s3.send(new GetBucketEncryptionCommand(place))),
        read(`read the policy of ${name}`, s3.send(new GetBucketPolicyCommand(place))),
      ]);
      const closed = block?.PublicAccessBlockConfiguration;
      return {
        publicAccessBlocked:
          closed?.BlockPublicAcls === true &&
          closed.BlockPublicPolicy === true &&
          closed.IgnorePublicAcls === true &&
          closed.RestrictPublicBuckets === true,
        encrypted: (encryption?.ServerSideEncryptionConfiguration?.Rules ?? []).some(
          (rule) => rule.ApplyServerSideEncryptionByDefault?.SSEAlgorithm !== undefined,
        ),
        denials: denials(policy?.Policy),
      };
    },
    async functionState(name) {
      const command = new GetFunctionConfigurationCommand({ FunctionName: name });
      const found = await read(`look at the function ${name}`, lambda.send(command));
      return found && (found.State ?? "Active");
    },
    async rule(name) {
      const found = await read(
        `look at the rule ${name}`,
        events.send(new DescribeRuleCommand({ Name: name })),
      );
      if (found === undefined) return undefined;
      const list = events.send(new ListTargetsByRuleCommand({ Rule: name }));
      const targets = (await read(`look at the targets of the rule ${name}`, list))?.Targets ?? [];
      return { enabled: found.State === "ENABLED", targets: targets.map((target) => target.Arn ?? "") };
    },
    async alarm(name) {
      const command = new DescribeAlarmsCommand({ AlarmNames: [name] });
      const found = (await read(`look at the alarm ${name}`, cloudWatch.send(command)))?.MetricAlarms?.[0];
      return found && { state: found.StateValue ?? "", actionsEnabled: found.ActionsEnabled !== false };
    },
    async subscriptions(topic) {
      const found: Subscription[] = [];
      let NextToken: string | undefined;
      do {
        const command = new ListSubscriptionsByTopicCommand({
          TopicArn: topic,
          ...(NextToken && { NextToken }),
        });
        const page = await read(`list who is subscribed to ${topic}`, sns.send(command));
        found.push(...(page?.Subscriptions ?? []));
        NextToken = page?.NextToken;
      } while (NextToken !== undefined && NextToken !== "");
      return found.map(({ Endpoint = "", SubscriptionArn = "" }) => ({
        endpoint: Endpoint,
        confirmed: SubscriptionArn.startsWith("arn:"),
      }));
    },
    async quota(code) {
      const which = { ServiceCode: "ec2", QuotaCode: code };
      const doing = `read the quota ${code} of EC2`;
      // A quota that was never raised may be known by its default alone.
      const found =
        (await read(doing, quotas.send(new GetServiceQuotaCommand(which)))) ??
        (await read(doing, quotas.send(new GetAWSDefaultServiceQuotaCommand(which))));
      return found?.Quota?.Value ?? 0;
    },
  };
}

function denials(policy: string | undefined): string[] {
  if (policy === undefined) return [];
  const { Statement = [] } = JSON.parse(policy) as { Statement?: { Sid?: string; Effect?: string }[] };
  return Statement.flatMap(({ Sid, Effect }) => (Effect === "Deny" && Sid !== undefined ? [Sid] : []));
}
