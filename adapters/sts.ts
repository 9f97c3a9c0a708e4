import { DecodeAuthorizationMessageCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
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

/** What EC2 meant by an encoded authorization failure, as JSON; undefined when the caller may not ask, or is not answered. */
export async function decodeAuthorization(
  region: string,
  EncodedMessage: string,
  options: AwsClientOptions = {},
): Promise<string | undefined> {
  const client = awsClient(STSClient, region, { ...options, maxAttempts: 1, requestTimeoutSeconds: 5 });
  const answer = await client
    .send(new DecodeAuthorizationMessageCommand({ EncodedMessage }))
    .catch(() => undefined);
  return answer?.DecodedMessage;
}
