import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { decodeRefusal } from "./iam/refusal.ts";
import { many, readPolicy } from "./iam/policy.ts";
import type { Principal, Principals } from "./principals.ts";
import { ACCOUNT, type Handlers } from "./service.ts";
import { queryAnswer } from "./wire/answer.ts";
import { AwsError } from "./wire/error.ts";
import { text } from "./wire/parameters.ts";

export function sts(world: { principals: Principals; iam: IAMClient; now: () => number }): Handlers {
  return {
    async GetCallerIdentity({ request, principal }) {
      return queryAnswer("sts", request.action, {
        UserId: principal.userId,
        Account: ACCOUNT,
        Arn: principal.callerArn,
      });
    },
    async DecodeAuthorizationMessage({ request }) {
      const decoded = decodeRefusal(text(request.parameters["EncodedMessage"]) ?? "");
      if (decoded === undefined)
        throw new AwsError("InvalidAuthorizationMessageException", "The message is not one of ours.");
      return queryAnswer("sts", request.action, { DecodedMessage: decoded });
    },
    /** The role's trust policy must name the account or the caller; its conditions are not judged. */
    async AssumeRole({ request, principal }) {
      const arn = text(request.parameters["RoleArn"]) ?? "";
      const session = text(request.parameters["RoleSessionName"]) ?? "";
      const name = arn.slice(arn.lastIndexOf("/") + 1);
      const denied = new AwsError(
        "AccessDenied",
        `User: ${principal.callerArn} is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
        403,
      );
      const { Role } = await world.iam.send(new GetRoleCommand({ RoleName: name })).catch(() => {
        throw denied;
      });
      const trust = readPolicy(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""));
      const trusted = many(trust?.Statement).some(
        (s) =>
          s.Effect === "Allow" &&
          (s.Principal === "*" ||
            many(s.Principal?.["AWS"]).some((p) =>
              ["*", ACCOUNT, `arn:aws:iam::${ACCOUNT}:root`, principal.arn].includes(p),
            )),
      );
      if (!trusted || Role?.Arn !== arn) throw denied;
      const seconds = Number(text(request.parameters["DurationSeconds"]) ?? "3600");
      const assumed = roleSession(Role.RoleName ?? name, arn, Role.RoleId ?? "", session);
      const expires = world.now() + seconds;
      const credentials = world.principals.issue(assumed, expires);
      return queryAnswer("sts", request.action, {
        Credentials: {
          AccessKeyId: credentials.accessKeyId,
          SecretAccessKey: credentials.secretAccessKey,
          SessionToken: credentials.sessionToken,
          Expiration: new Date(expires * 1000).toISOString(),
        },
        AssumedRoleUser: { AssumedRoleId: assumed.userId, Arn: assumed.callerArn },
      });
    },
  };
}

/** Whoever holds a session of a role: its policies are the role's, its id names the session. */
export function roleSession(name: string, arn: string, roleId: string, session: string): Principal {
  return {
    kind: "role",
    arn,
    callerArn: `arn:aws:sts::${ACCOUNT}:assumed-role/${name}/${session}`,
    userId: `${roleId}:${session}`,
    name,
  };
}
