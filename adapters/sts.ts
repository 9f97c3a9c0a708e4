import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsError } from "./aws-errors.ts";

export type Identity = { readonly account: string; readonly arn: string };

/** Whose credentials these are. */
export async function identity(region: string, options: AwsClientOptions = {}): Promise<Identity> {
  const answer = await awsClient(STSClient, region, options)
    .send(new GetCallerIdentityCommand({}))
    .catch((error: unknown) => {
      throw awsError(error, "find out which AWS account this is");
    });
  return { account: answer.Account ?? "", arn: answer.Arn ?? "" };
}
