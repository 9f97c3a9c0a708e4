import type { AuthorizationAnswer, AuthorizationEntry, CloudSettings, SimulatedCall } from "../ports.ts";
import type { Principal } from "../principals.ts";
import { ACCOUNT, REGION, type Question } from "../service.ts";
import type { AwsRequest } from "../wire/request.ts";
import type { EntityPolicies } from "./entity-policies.ts";
import { evaluate, type Decision } from "./evaluate.ts";
import { context, many, type Policy } from "./policy.ts";
import { matches } from "./wildcard.ts";

export type Authorizer = ReturnType<typeof authorizer>;

/** Decides by the policies that really exist, with the keys that every request carries, and remembers what it was asked. */
export function authorizer(world: {
  policies: EntityPolicies;
  /** Of a bucket or a topic. */
  resourcePolicy: (arn: string) => Promise<Policy | undefined>;
  settings: () => Pick<CloudSettings, "ignoredStatements" | "secureTransport" | "roleDelivery">;
  now: () => number;
}) {
  const asked = new Map<string, AuthorizationEntry>();

  /** The policy as it stands, without the statements that this sandbox is told to ignore. */
  function effective(policy: Policy): Policy {
    const ignored = world.settings().ignoredStatements;
    if (ignored.length === 0) return policy;
    return {
      ...policy,
      Statement: many(policy.Statement).filter(
        ({ Sid }) =>
          !ignored.some(({ policy: name, sid }) => sid === Sid && matches(name, policy.name ?? "")),
      ),
    };
  }

  function remember(principal: Principal, question: Question, decision: Decision): void {
    const by = (decision.allowedBy ?? []).join(" ");
    const { action, resource } = question;
    const key = [principal.arn, principal.via, action, decision.outcome, decision.sid, by].join("\n");
    const known = asked.get(key);
    if (known !== undefined) known.times++;
    else
      asked.set(key, {
        principal: principal.arn,
        ...(principal.via !== undefined && { via: principal.via }),
        action,
        resource,
        outcome: decision.outcome,
        ...(decision.sid !== undefined && { sid: decision.sid }),
        allowedBy: [...(decision.allowedBy ?? [])],
        times: 1,
      });
  }

  async function decide(
    principal: Principal,
    question: Question,
    request: Pick<AwsRequest, "service" | "headers">,
  ): Promise<Decision> {
    const decision = await judge(principal, question, request);
    remember(principal, question, decision);
    return decision;
  }

  async function judge(
    principal: Principal,
    question: Question,
    request: Pick<AwsRequest, "service" | "headers">,
  ): Promise<Decision> {
    const held = await world.policies.of(principal);
    const { secureTransport, roleDelivery } = world.settings();
    const keys = context({
      ...globalKeys(principal, request, world.now()),
      "aws:SecureTransport": String(secureTransport),
      "ec2:RoleDelivery": principal.fromMetadata === true ? roleDelivery : undefined,
      ...question.keys,
    });
    const resource = await world.resourcePolicy(question.resource);
    return evaluate(
      { action: question.action, resource: question.resource, context: keys },
      { arn: principal.arn, accountId: ACCOUNT },
      held.policies.map(effective),
      resource && effective(resource),
      held.boundary && effective(held.boundary),
    );
  }

  return {
    decide,
    /** What somebody would be answered; nothing is remembered of it. */
    async simulate(principal: Principal, call: SimulatedCall): Promise<AuthorizationAnswer> {
      const service = call.action.slice(0, call.action.indexOf(":"));
      const { outcome, sid, allowedBy = [] } = await judge(principal, call, { service, headers: {} });
      return { outcome, ...(sid !== undefined && { sid }), allowedBy: [...allowedBy] };
    },
    /** Whether a service may act as a role. */
    async trusts(roleName: string, roleArn: string, service: string): Promise<boolean> {
      const { trust } = await world.policies.of({ kind: "role", name: roleName });
      const asker = servicePrincipal(service);
      const question = { action: "sts:AssumeRole", resource: roleArn };
      // What trusts is the role's own document, which names no resource.
      const decision = evaluate(
        { ...question, context: context({}) },
        { arn: asker.arn, accountId: ACCOUNT },
        [],
        trust && effective(trust),
      );
      remember(asker, question, decision);
      return decision.outcome === "allow";
    },
    entries: (): AuthorizationEntry[] => [...asked.values()].map((entry) => ({ ...entry })),
  };
}

/** A service that calls in its own name, such as an alarm that publishes. */
export function servicePrincipal(name: string): Principal {
  return { kind: "service", arn: name, callerArn: name, userId: name, name };
}

/** aws:SecureTransport is true although the sandbox's endpoints are plain HTTP, unless a setting says otherwise. */
function globalKeys(
  principal: Principal,
  request: Pick<AwsRequest, "service" | "headers">,
  now: number,
): Question["keys"] {
  return {
    "aws:PrincipalArn": principal.arn,
    "aws:PrincipalAccount": ACCOUNT,
    "aws:PrincipalType": { user: "User", role: "AssumedRole", service: "Service" }[principal.kind],
    "aws:userid": principal.userId,
    "aws:username": principal.kind === "user" ? principal.name : undefined,
    "aws:CalledVia": principal.via,
    "aws:ViaAWSService": String(principal.via !== undefined),
    "aws:RequestedRegion": REGION,
    "aws:CurrentTime": new Date(now * 1000).toISOString(),
    "aws:EpochTime": String(Math.floor(now)),
    "aws:UserAgent": request.headers["user-agent"],
    "ec2:Region": request.service === "ec2" ? REGION : undefined,
    "ec2:SourceInstanceARN": principal.sourceInstanceArn,
  };
}
