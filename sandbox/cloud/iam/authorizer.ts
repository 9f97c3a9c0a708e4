import type { Principal } from "../principals.ts";
import { ACCOUNT, REGION, type Question } from "../service.ts";
import type { AwsRequest } from "../wire/request.ts";
import type { EntityPolicies } from "./entity-policies.ts";
import { evaluate, type Decision } from "./evaluate.ts";
import { context, type Policy } from "./policy.ts";

/** Decides by the policies that really exist, with the keys that every request carries. */
export function authorizer(world: {
  policies: EntityPolicies;
  bucketPolicy: (bucket: string) => Policy | undefined;
  now: () => number;
}) {
  return async (principal: Principal, question: Question, request: AwsRequest): Promise<Decision> => {
    if (principal.kind === "service") return { outcome: "allow" };
    const identity = await world.policies.of(principal);
    const keys = context({ ...globalKeys(principal, request, world.now()), ...question.keys });
    const bucket = /^arn:aws:s3:::([^/]+)/.exec(question.resource)?.[1];
    return evaluate(
      { action: question.action, resource: question.resource, context: keys },
      { arn: principal.arn, accountId: ACCOUNT },
      identity,
      bucket === undefined ? undefined : world.bucketPolicy(bucket),
    );
  };
}

/** aws:SecureTransport is true although the sandbox's endpoints are plain HTTP: real ones are not. */
function globalKeys(principal: Principal, request: AwsRequest, now: number): Question["keys"] {
  return {
    "aws:PrincipalArn": principal.arn,
    "aws:PrincipalAccount": ACCOUNT,
    "aws:PrincipalType": { user: "User", role: "AssumedRole", service: "Service" }[principal.kind],
    "aws:userid": principal.userId,
    "aws:username": principal.kind === "user" ? principal.name : undefined,
    "aws:SecureTransport": "true",
    "aws:ViaAWSService": "false",
    "aws:RequestedRegion": REGION,
    "aws:CurrentTime": new Date(now * 1000).toISOString(),
    "aws:EpochTime": String(Math.floor(now)),
    "aws:UserAgent": request.headers["user-agent"],
    "ec2:Region": request.service === "ec2" ? REGION : undefined,
    "ec2:RoleDelivery": principal.roleDelivery,
    "ec2:SourceInstanceARN": principal.sourceInstanceArn,
  };
}
