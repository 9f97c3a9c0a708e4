import { DisableRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError } from "./aws-errors.ts";

/** Switches a scheduled rule off; false when there is none. */
export async function disableRule(
  region: string,
  name: string,
  options: AwsClientOptions = {},
): Promise<boolean> {
  try {
    await awsClient(EventBridgeClient, region, options).send(new DisableRuleCommand({ Name: name }));
    return true;
  } catch (error) {
    if (awsCode(error) === "ResourceNotFoundException") return false;
    throw awsError(error, `switch the schedule ${name} off`);
  }
}
