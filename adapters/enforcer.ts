import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import type { EnforcerCall } from "../core/sweep.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError } from "./aws-errors.ts";

/** Longer than the function itself may take. */
const ANSWER_SECONDS = 90;

/** Calls the account's lease enforcer and waits for its answer. */
export function enforcer(region: string, options: AwsClientOptions = {}): EnforcerCall {
  const client = awsClient(LambdaClient, region, {
    ...options,
    requestTimeoutSeconds: ANSWER_SECONDS,
  });
  return async (functionName, event) => {
    try {
      const answer = await client.send(
        new InvokeCommand({
          FunctionName: functionName,
          InvocationType: "RequestResponse",
          LogType: "Tail",
          Payload: new TextEncoder().encode(JSON.stringify(event)),
        }),
      );
      return {
        payload: new TextDecoder().decode(answer.Payload),
        failed: answer.FunctionError !== undefined,
        log: Buffer.from(answer.LogResult ?? "", "base64").toString("utf8"),
      };
    } catch (error) {
      if (awsCode(error) === "ResourceNotFoundException") return undefined;
      throw awsError(error, `run the lease enforcer (${functionName})`);
    }
  };
}
