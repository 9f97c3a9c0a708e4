import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { awsClient } from "./aws-client.ts";
import { awsError } from "./aws-errors.ts";

/** The value of a parameter; undefined when it has none. */
export async function parameter(region: string, name: string): Promise<string | undefined> {
  const answer = await awsClient(SSMClient, region)
    .send(new GetParameterCommand({ Name: name }))
    .catch((error: unknown) => {
      throw awsError(error, `read the parameter ${name}`);
    });
  return answer.Parameter?.Value;
}
