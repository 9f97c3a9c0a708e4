import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { UpdraftError } from "../core/errors.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsError } from "./aws-errors.ts";

/** The value of a parameter; undefined when it has none. */
export async function parameter(
  region: string,
  name: string,
  options: AwsClientOptions = {},
): Promise<string | undefined> {
  const answer = await awsClient(SSMClient, region, options)
    .send(new GetParameterCommand({ Name: name }))
    .catch((error: unknown) => {
      throw awsError(error, `read the parameter ${name}`);
    });
  return answer.Parameter?.Value;
}

/** The AMI behind an annex's image: the id itself, or what the SSM parameter of that name holds. */
export async function imageId(
  region: string,
  image: string,
  options: AwsClientOptions = {},
): Promise<string> {
  if (!image.startsWith("/")) return image;
  const id = await parameter(region, image, options);
  if (id !== undefined && /^ami-[0-9a-z]{8,17}$/.test(id)) return id;
  throw new UpdraftError(
    "config",
    `the parameter ${image} holds no AMI's id`,
    "Name a parameter whose value is one.",
  );
}
