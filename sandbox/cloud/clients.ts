import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { SSMClient } from "@aws-sdk/client-ssm";
import type { Credentials } from "./ports.ts";
import { REGION } from "./service.ts";

export type Clients = ReturnType<typeof clients>;

/** One client of every service, all at one endpoint: the front's, or the emulator's behind it. */
export function clients(endpoint: string, credentials: Credentials) {
  const configuration = { region: REGION, endpoint, credentials, maxAttempts: 1 };
  return {
    cloudwatch: new CloudWatchClient(configuration),
    ec2: new EC2Client(configuration),
    events: new EventBridgeClient(configuration),
    iam: new IAMClient(configuration),
    lambda: new LambdaClient(configuration),
    logs: new CloudWatchLogsClient(configuration),
    s3: new S3Client({ ...configuration, forcePathStyle: true }),
    sns: new SNSClient(configuration),
    ssm: new SSMClient(configuration),
  };
}

export function destroyClients(all: Clients): void {
  for (const client of Object.values(all)) client.destroy();
}
