import {
  DeleteAlarmsCommand,
  PutMetricAlarmCommand,
  type CloudWatchClient,
  type PutMetricAlarmCommandInput,
} from "@aws-sdk/client-cloudwatch";
import {
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  PutRetentionPolicyCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  DeleteRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type EventBridgeClient,
} from "@aws-sdk/client-eventbridge";
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import { ACCOUNT, REGION } from "../../service.ts";
import {
  generatedName,
  number,
  records,
  string,
  strings,
  tagList,
  unlessGone,
  type Made,
  type Making,
  type Properties,
  type Provider,
} from "../provider.ts";

const logGroup: Provider = {
  properties: ["LogGroupName", "RetentionInDays", "Tags"],
  async create(properties, making) {
    const { logs } = making.clients;
    const logGroupName = string(properties["LogGroupName"]) ?? generatedName(making, 512);
    await logs.send(new CreateLogGroupCommand({ logGroupName }));
    const retentionInDays = number(properties["RetentionInDays"]);
    if (retentionInDays !== undefined)
      await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
    const Arn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${logGroupName}:*`;
    return { physicalId: logGroupName, attributes: { Arn } };
  },
  async delete(logGroupName, _, { clients }) {
    await unlessGone(clients.logs.send(new DeleteLogGroupCommand({ logGroupName })));
  },
};

async function putRule(events: EventBridgeClient, Name: string, properties: Properties): Promise<Made> {
  const { RuleArn } = await events.send(
    new PutRuleCommand({
      Name,
      ScheduleExpression: string(properties["ScheduleExpression"]),
      State: string(properties["State"]) === "DISABLED" ? "DISABLED" : "ENABLED",
      Description: string(properties["Description"]),
    }),
  );
  const Targets = records(properties["Targets"]).map((target) => ({
    Id: string(target["Id"]),
    Arn: string(target["Arn"]),
    Input: string(target["Input"]),
  }));
  if (Targets.length > 0) await events.send(new PutTargetsCommand({ Rule: Name, Targets }));
  return { physicalId: Name, attributes: { Arn: RuleArn ?? "" } };
}

const rule: Provider = {
  properties: ["Name", "ScheduleExpression", "State", "Description", "Targets"],
  create: (properties, making) =>
    putRule(making.clients.events, string(properties["Name"]) ?? generatedName(making, 64), properties),
  update: (Name, properties, { clients }) => putRule(clients.events, Name, properties),
  async delete(Name, properties, { clients: { events } }) {
    const Ids = records(properties["Targets"]).flatMap((target) => string(target["Id"]) ?? []);
    const remove = async (): Promise<void> => {
      if (Ids.length > 0) await events.send(new RemoveTargetsCommand({ Rule: Name, Ids }));
      await events.send(new DeleteRuleCommand({ Name }));
    };
    await unlessGone(remove());
  },
};

const topic: Provider = {
  properties: ["TopicName", "DisplayName", "Tags"],
  async create(properties, making) {
    const Name = string(properties["TopicName"]) ?? generatedName(making, 256);
    const { TopicArn = "" } = await making.clients.sns.send(
      new CreateTopicCommand({ Name, Tags: tagList(properties["Tags"]) }),
    );
    return { physicalId: TopicArn, attributes: { TopicArn, TopicName: Name } };
  },
  async delete(TopicArn, _, { clients }) {
    await unlessGone(clients.sns.send(new DeleteTopicCommand({ TopicArn })));
  },
};

async function putTopicPolicy(properties: Properties, making: Making): Promise<Made> {
  for (const TopicArn of strings(properties["Topics"]))
    await making.clients.sns.send(
      new SetTopicAttributesCommand({
        TopicArn,
        AttributeName: "Policy",
        AttributeValue: JSON.stringify(properties["PolicyDocument"]),
      }),
    );
  return { physicalId: generatedName(making, 128) };
}

const topicPolicy: Provider = {
  properties: ["Topics", "PolicyDocument"],
  create: putTopicPolicy,
  async update(physicalId, properties, making) {
    await putTopicPolicy(properties, making);
    return { physicalId };
  },
  /** A topic cannot be without a policy; it goes with the topic. */
  async delete() {},
};

const subscription: Provider = {
  properties: ["TopicArn", "Protocol", "Endpoint"],
  async create(properties, { clients }) {
    const { SubscriptionArn = "" } = await clients.sns.send(
      new SubscribeCommand({
        TopicArn: string(properties["TopicArn"]),
        Protocol: string(properties["Protocol"]),
        Endpoint: string(properties["Endpoint"]),
        ReturnSubscriptionArn: true,
      }),
    );
    return { physicalId: SubscriptionArn };
  },
  async delete(SubscriptionArn, _, { clients }) {
    await unlessGone(clients.sns.send(new UnsubscribeCommand({ SubscriptionArn })));
  },
};

async function putAlarm(
  cloudwatch: CloudWatchClient,
  AlarmName: string,
  properties: Properties,
): Promise<Made> {
  const input: PutMetricAlarmCommandInput = {
    AlarmName,
    AlarmDescription: string(properties["AlarmDescription"]),
    Namespace: string(properties["Namespace"]),
    MetricName: string(properties["MetricName"]),
    Dimensions: records(properties["Dimensions"]).map((d) => ({
      Name: string(d["Name"]),
      Value: string(d["Value"]),
    })),
    Statistic: string(properties["Statistic"]) as "Sum",
    Period: number(properties["Period"]),
    EvaluationPeriods: number(properties["EvaluationPeriods"]),
    DatapointsToAlarm: number(properties["DatapointsToAlarm"]),
    Threshold: number(properties["Threshold"]),
    ComparisonOperator: string(properties["ComparisonOperator"]) as "LessThanThreshold",
    TreatMissingData: string(properties["TreatMissingData"]),
    AlarmActions: strings(properties["AlarmActions"]),
    OKActions: strings(properties["OKActions"]),
  };
  await cloudwatch.send(new PutMetricAlarmCommand(input));
  const Arn = `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:${AlarmName}`;
  return { physicalId: AlarmName, attributes: { Arn } };
}

const alarm: Provider = {
  properties: [
    "AlarmName",
    "AlarmDescription",
    "Namespace",
    "MetricName",
    "Dimensions",
    "Statistic",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "AlarmActions",
    "OKActions",
  ],
  create: (properties, making) =>
    putAlarm(
      making.clients.cloudwatch,
      string(properties["AlarmName"]) ?? generatedName(making, 255),
      properties,
    ),
  update: (AlarmName, properties, { clients }) => putAlarm(clients.cloudwatch, AlarmName, properties),
  async delete(AlarmName, _, { clients }) {
    await clients.cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [AlarmName] }));
  },
};

export const MONITORING_PROVIDERS: Record<string, Provider> = {
  "AWS::CloudWatch::Alarm": alarm,
  "AWS::Events::Rule": rule,
  "AWS::Logs::LogGroup": logGroup,
  "AWS::SNS::Subscription": subscription,
  "AWS::SNS::Topic": topic,
  "AWS::SNS::TopicPolicy": topicPolicy,
};
