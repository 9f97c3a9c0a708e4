import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  type IAMClient,
} from "@aws-sdk/client-iam";
import type { Principal } from "../principals.ts";
import { readPolicy, type Policy } from "./policy.ts";

export type EntityPolicies = ReturnType<typeof entityPolicies>;

/** Policies of users and roles as the stacks really made them, read from the emulator; `forget` after any change of IAM. */
export function entityPolicies(iam: IAMClient) {
  let known = new Map<string, Promise<Policy[]>>();
  return {
    of(principal: Principal): Promise<Policy[]> {
      const key = `${principal.kind}/${principal.name}`;
      const found = known.get(key) ?? read(iam, principal);
      known.set(key, found);
      found.catch(() => known.delete(key));
      return found;
    },
    forget(): void {
      known = new Map();
    },
  };
}

async function read(iam: IAMClient, principal: Principal): Promise<Policy[]> {
  if (principal.kind === "role") return rolePolicies(iam, principal.name);
  return principal.kind === "user" ? userPolicies(iam, principal.name) : [];
}

async function rolePolicies(iam: IAMClient, RoleName: string): Promise<Policy[]> {
  try {
    const inline = await iam.send(new ListRolePoliciesCommand({ RoleName }));
    const attached = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    return await Promise.all([
      ...(inline.PolicyNames ?? []).map(async (PolicyName) =>
        document((await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }))).PolicyDocument),
      ),
      ...(attached.AttachedPolicies ?? []).map((policy) => managedPolicy(iam, policy.PolicyArn)),
    ]);
  } catch (error) {
    return gone(error);
  }
}

async function userPolicies(iam: IAMClient, UserName: string): Promise<Policy[]> {
  try {
    const inline = await iam.send(new ListUserPoliciesCommand({ UserName }));
    const attached = await iam.send(new ListAttachedUserPoliciesCommand({ UserName }));
    return await Promise.all([
      ...(inline.PolicyNames ?? []).map(async (PolicyName) =>
        document((await iam.send(new GetUserPolicyCommand({ UserName, PolicyName }))).PolicyDocument),
      ),
      ...(attached.AttachedPolicies ?? []).map((policy) => managedPolicy(iam, policy.PolicyArn)),
    ]);
  } catch (error) {
    return gone(error);
  }
}

async function managedPolicy(iam: IAMClient, PolicyArn: string | undefined): Promise<Policy> {
  const { Policy: policy } = await iam.send(new GetPolicyCommand({ PolicyArn }));
  const VersionId = policy?.DefaultVersionId;
  const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
  return document(PolicyVersion?.Document);
}

/** IAM returns documents URL-encoded. */
function document(encoded: string | undefined): Policy {
  const text = encoded ?? "";
  const policy = readPolicy(text.startsWith("%7B") ? decodeURIComponent(text) : text);
  if (policy === undefined) throw new Error("the emulator holds a policy that is none");
  return policy;
}

/** A session outlives its deleted role, but may do nothing. */
function gone(error: unknown): Policy[] {
  if (error instanceof Error && error.name.startsWith("NoSuchEntity")) return [];
  throw error;
}
