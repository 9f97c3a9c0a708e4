import {
  GetGroupPolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  ListAttachedGroupPoliciesCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupPoliciesCommand,
  ListGroupsForUserCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  type AttachedPolicy,
  type IAMClient,
} from "@aws-sdk/client-iam";
import type { Principal } from "../principals.ts";
import { readPolicy, type Policy } from "./policy.ts";

export type EntityPolicies = ReturnType<typeof entityPolicies>;

/** What an entity may do: what its policies, and its groups', allow, within its permissions boundary if it has one. */
export type Held = { policies: Policy[]; boundary: Policy | undefined; trust: Policy | undefined };

const NOTHING: Held = { policies: [], boundary: undefined, trust: undefined };

/** Policies of users and roles as the stacks really made them, read from the emulator; `forget` after any change of IAM. */
export function entityPolicies(iam: IAMClient) {
  let known = new Map<string, Promise<Held>>();
  return {
    of({ kind, name }: Pick<Principal, "kind" | "name">): Promise<Held> {
      const key = `${kind}/${name}`;
      const found = known.get(key) ?? read(iam, kind, name);
      known.set(key, found);
      found.catch(() => known.delete(key));
      return found;
    },
    forget(): void {
      known = new Map();
    },
  };
}

async function read(iam: IAMClient, kind: Principal["kind"], name: string): Promise<Held> {
  try {
    if (kind === "role") return await ofRole(iam, name);
    return kind === "user" ? { ...NOTHING, policies: await ofUser(iam, name) } : NOTHING;
  } catch (error) {
    // A session outlives its deleted role, but may do nothing.
    if (error instanceof Error && error.name.startsWith("NoSuchEntity")) return NOTHING;
    throw error;
  }
}

async function ofRole(iam: IAMClient, RoleName: string): Promise<Held> {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  const inline = await iam.send(new ListRolePoliciesCommand({ RoleName }));
  const attached = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  const boundary = Role?.PermissionsBoundary?.PermissionsBoundaryArn;
  return {
    policies: [
      ...(await inlinePolicies(RoleName, inline.PolicyNames, async (PolicyName) =>
        iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })),
      )),
      ...(await managedPolicies(iam, attached.AttachedPolicies)),
    ],
    boundary: boundary === undefined ? undefined : await managedPolicy(iam, boundary),
    trust: document(`trust/${RoleName}`, Role?.AssumeRolePolicyDocument),
  };
}

async function ofUser(iam: IAMClient, UserName: string): Promise<Policy[]> {
  const inline = await iam.send(new ListUserPoliciesCommand({ UserName }));
  const attached = await iam.send(new ListAttachedUserPoliciesCommand({ UserName }));
  const { Groups } = await iam.send(new ListGroupsForUserCommand({ UserName }));
  const ofGroups = await Promise.all((Groups ?? []).map(({ GroupName }) => ofGroup(iam, GroupName ?? "")));
  return [
    ...(await inlinePolicies(UserName, inline.PolicyNames, async (PolicyName) =>
      iam.send(new GetUserPolicyCommand({ UserName, PolicyName })),
    )),
    ...(await managedPolicies(iam, attached.AttachedPolicies)),
    ...ofGroups.flat(),
  ];
}

async function ofGroup(iam: IAMClient, GroupName: string): Promise<Policy[]> {
  const inline = await iam.send(new ListGroupPoliciesCommand({ GroupName }));
  const attached = await iam.send(new ListAttachedGroupPoliciesCommand({ GroupName }));
  return [
    ...(await inlinePolicies(GroupName, inline.PolicyNames, async (PolicyName) =>
      iam.send(new GetGroupPolicyCommand({ GroupName, PolicyName })),
    )),
    ...(await managedPolicies(iam, attached.AttachedPolicies)),
  ];
}

function inlinePolicies(
  entity: string,
  names: readonly string[] | undefined,
  get: (name: string) => Promise<{ PolicyDocument?: string | undefined }>,
): Promise<Policy[]> {
  return Promise.all(
    (names ?? []).map(async (name) => document(`${entity}/${name}`, (await get(name)).PolicyDocument)),
  );
}

function managedPolicies(iam: IAMClient, attached: readonly AttachedPolicy[] | undefined): Promise<Policy[]> {
  return Promise.all((attached ?? []).map((policy) => managedPolicy(iam, policy.PolicyArn)));
}

async function managedPolicy(iam: IAMClient, PolicyArn: string | undefined): Promise<Policy> {
  const { Policy: policy } = await iam.send(new GetPolicyCommand({ PolicyArn }));
  const VersionId = policy?.DefaultVersionId;
  const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
  return document(policy?.PolicyName ?? "", PolicyVersion?.Document);
}

/** IAM returns documents URL-encoded. */
function document(name: string, encoded: string | undefined): Policy {
  const text = encoded ?? "";
  const policy = readPolicy(text.startsWith("%7B") ? decodeURIComponent(text) : text);
  if (policy === undefined) throw new Error(`the emulator holds a policy ${name} that is none`);
  return { ...policy, name };
}
