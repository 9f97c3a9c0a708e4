import { CreateRoleCommand, GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { ACCOUNT, type Call, type Handlers } from "../service.ts";
import { queryAnswer, type Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { text } from "../wire/parameters.ts";

/** Names that AWS gives to the roles of its services, and the emulator does not. */
const LINKED: Record<string, string> = { "spot.amazonaws.com": "AWSServiceRoleForEC2Spot" };

/** The emulator names service-linked roles otherwise than AWS, and makes one twice. */
export function iamActions(iam: IAMClient, forward: (call: Call) => Promise<Answer>): Handlers {
  return {
    async CreateServiceLinkedRole(call) {
      const service = text(call.request.parameters["AWSServiceName"]) ?? "";
      const RoleName = LINKED[service];
      if (RoleName === undefined) return forward(call);
      const taken = await iam.send(new GetRoleCommand({ RoleName })).then(
        () => true,
        () => false,
      );
      if (taken)
        throw new AwsError(
          "InvalidInput",
          `Service role name ${RoleName} has been taken in this account, please try a different suffix.`,
        );
      const Path = `/aws-service-role/${service}/`;
      await iam.send(
        new CreateRoleCommand({
          RoleName,
          Path,
          AssumeRolePolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
          }),
        }),
      );
      const Arn = `arn:aws:iam::${ACCOUNT}:role${Path}${RoleName}`;
      return queryAnswer("iam", call.request.action, { Role: { RoleName, Path, Arn } });
    },
  };
}
