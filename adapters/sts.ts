import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { awsClient } from "./aws-client.ts";
import { awsError } from "./aws-errors.ts";

export type Identity = { readonly account: string; readonly arn: string };

/** Whose credentials these are. */
export async function identity(region: string): Promise<Identity> {
  const answer = await awsClient(STSClient, region)
    .send(new GetCallerIdentityCommand({}))
    .catch((error: unknown) => {
      throw awsError(error, "find out which AWS account this is");
    });
  return { account: answer.Account ?? "", arn: answer.Arn ?? "" };
}
