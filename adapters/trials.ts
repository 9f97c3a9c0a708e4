import { CreateFleetCommand, EC2Client, RunInstancesCommand, type _InstanceType } from "@aws-sdk/client-ec2";
import type { CreateFleetCommandInput } from "@aws-sdk/client-ec2";
import type { TrialAnswer, Trials } from "../core/check/ports.ts";
import { UpdraftError } from "../core/errors.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError, isAmbiguous, isMissingCredentials } from "./aws-errors.ts";

/** Orders with EC2's own DryRun: it judges them and carries none out. */
export function trials(region: string, options: AwsClientOptions = {}): Trials {
  const client = awsClient(EC2Client, region, options);
  return {
    fleet: (request) =>
      answer(client.send(new CreateFleetCommand({ ...(request as CreateFleetCommandInput), DryRun: true }))),
    launch: ({ template, imageId, type, subnet, group, tags }) =>
      answer(
        client.send(
          new RunInstancesCommand({
            DryRun: true,
            MinCount: 1,
            MaxCount: 1,
            LaunchTemplate: { LaunchTemplateId: template.id, Version: template.version },
            ImageId: imageId,
            InstanceType: type as _InstanceType,
            NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet, Groups: [group] }],
            // A dry run may judge the options of the request alone, and not those of the template.
            MetadataOptions: {
              HttpEndpoint: "enabled",
              HttpTokens: "required",
              HttpPutResponseHopLimit: 1,
              InstanceMetadataTags: "enabled",
            },
            TagSpecifications: [
              {
                ResourceType: "instance",
                Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
              },
            ],
          }),
        ),
      ),
  };
}

async function answer(call: Promise<unknown>): Promise<TrialAnswer> {
  try {
    await call;
  } catch (error) {
    if (isAmbiguous(error) || isMissingCredentials(error)) throw awsError(error, "try an order");
    return { code: awsCode(error), message: error instanceof Error ? error.message : "" };
  }
  throw new UpdraftError(
    "failed",
    "EC2 took a dry run for an order",
    "Look with `updraft status` whether it launched something, and report this.",
  );
}
