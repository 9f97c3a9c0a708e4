import {
  DescribeInstancesCommand,
  EC2Client,
  TerminateInstancesCommand,
  type Filter,
} from "@aws-sdk/client-ec2";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { AwsCredentialIdentity } from "@smithy/types";
import type { EnforcedInstance, EnforcementPorts } from "../core/enforcement.ts";
import { awsClient } from "./aws-client.ts";

export type EnforcerCloud = Pick<EnforcementPorts, "instances" | "again" | "terminate"> & {
  /** Undefined when it is absent or cannot be read. */
  get(bucket: string, key: string): Promise<string | undefined>;
  put(bucket: string, key: string, text: string): Promise<void>;
  publish(topic: string, subject: string, message: string): Promise<void>;
};

/** The AWS that the lease enforcer sees; region, endpoint and credentials are those of the Lambda's environment. */
export function enforcerCloud(): EnforcerCloud {
  const region = setting("AWS_REGION");
  const options = { maxAttempts: 4, requestTimeoutSeconds: 15, credentials: session };
  const ec2 = awsClient(EC2Client, region, options);
  const s3 = awsClient(S3Client, region, {
    ...options,
    forcePathStyle: process.env["AWS_ENDPOINT_URL"] !== undefined,
  });
  const sns = awsClient(SNSClient, region, options);

  async function describe(filters: Filter[]): Promise<EnforcedInstance[]> {
    const found: EnforcedInstance[] = [];
    let NextToken: string | undefined;
    do {
      const page = await ec2.send(
        new DescribeInstancesCommand({ Filters: filters, MaxResults: 1000, ...(NextToken && { NextToken }) }),
      );
      for (const { Instances } of page.Reservations ?? []) {
        for (const { InstanceId, IamInstanceProfile, LaunchTime, Tags } of Instances ?? []) {
          if (InstanceId === undefined) continue;
          found.push({
            id: InstanceId,
            profileArn: IamInstanceProfile?.Arn,
            launched: (LaunchTime?.getTime() ?? 0) / 1000,
            tags: Object.fromEntries((Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""])),
          });
        }
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined && NextToken !== "");
    return found;
  }

  // Not by tag: an instance that was launched without a lease must be seen above all.
  const alive: Filter = {
    Name: "instance-state-name",
    Values: ["pending", "running", "stopping", "stopped"],
  };
  return {
    instances: () => describe([alive]),
    again: (ids) => describe([alive, { Name: "instance-id", Values: [...ids] }]),
    async terminate(ids) {
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [...ids] }));
    },
    async get(bucket, key) {
      try {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return await Body?.transformToString();
      } catch {
        return undefined;
      }
    },
    async put(bucket, key, text) {
      await s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: "application/json" }),
      );
    },
    async publish(topic, subject, message) {
      // SNS takes subjects of up to 100 characters and messages of up to 256 KB.
      await sns.send(
        new PublishCommand({ TopicArn: topic, Subject: subject, Message: message.slice(0, 200_000) }),
      );
    },
  };
}

/** The runtime puts the session of the function's role into its environment. */
async function session(): Promise<AwsCredentialIdentity> {
  const sessionToken = process.env["AWS_SESSION_TOKEN"];
  return {
    accessKeyId: setting("AWS_ACCESS_KEY_ID"),
    secretAccessKey: setting("AWS_SECRET_ACCESS_KEY"),
    ...(sessionToken !== undefined && { sessionToken }),
  };
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment has no ${name}`);
  return value;
}
