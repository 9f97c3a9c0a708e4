import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeleteInstanceProfileCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetInstanceProfileCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  ListEntitiesForPolicyCommand,
  ListPolicyVersionsCommand,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  UpdateAssumeRolePolicyCommand,
  type IAMClient,
} from "@aws-sdk/client-iam";
import {
  generatedName,
  number,
  records,
  string,
  strings,
  tagList,
  unlessGone,
  type Made,
  type Properties,
  type Provider,
} from "../provider.ts";

async function roleMade(iam: IAMClient, RoleName: string): Promise<Made> {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  return { physicalId: RoleName, attributes: { Arn: Role?.Arn ?? "", RoleId: Role?.RoleId ?? "" } };
}

async function clearRole(iam: IAMClient, RoleName: string): Promise<void> {
  const inline = await iam.send(new ListRolePoliciesCommand({ RoleName }));
  for (const PolicyName of inline.PolicyNames ?? [])
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
  const attached = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  for (const { PolicyArn } of attached.AttachedPolicies ?? [])
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
}

async function fillRole(iam: IAMClient, RoleName: string, properties: Properties): Promise<void> {
  for (const policy of records(properties["Policies"]))
    await iam.send(
      new PutRolePolicyCommand({
        RoleName,
        PolicyName: string(policy["PolicyName"]),
        PolicyDocument: JSON.stringify(policy["PolicyDocument"]),
      }),
    );
  for (const PolicyArn of strings(properties["ManagedPolicyArns"]))
    await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
}

const role: Provider = {
  properties: [
    "RoleName",
    "Path",
    "Description",
    "PermissionsBoundary",
    "MaxSessionDuration",
    "AssumeRolePolicyDocument",
    "Policies",
    "ManagedPolicyArns",
    "Tags",
  ],
  async create(properties, making) {
    const { iam } = making.clients;
    const RoleName = string(properties["RoleName"]) ?? generatedName(making, 64);
    await iam.send(
      new CreateRoleCommand({
        RoleName,
        Path: string(properties["Path"]) ?? "/",
        Description: string(properties["Description"]),
        PermissionsBoundary: string(properties["PermissionsBoundary"]),
        MaxSessionDuration: number(properties["MaxSessionDuration"]),
        AssumeRolePolicyDocument: JSON.stringify(properties["AssumeRolePolicyDocument"]),
        Tags: tagList(properties["Tags"]),
      }),
    );
    await fillRole(iam, RoleName, properties);
    return roleMade(iam, RoleName);
  },
  async update(RoleName, properties, { clients: { iam } }) {
    await iam.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName,
        PolicyDocument: JSON.stringify(properties["AssumeRolePolicyDocument"]),
      }),
    );
    const PermissionsBoundary = string(properties["PermissionsBoundary"]);
    if (PermissionsBoundary !== undefined)
      await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
    else {
      const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
      if (Role?.PermissionsBoundary !== undefined)
        await iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
    }
    await clearRole(iam, RoleName);
    await fillRole(iam, RoleName, properties);
    return roleMade(iam, RoleName);
  },
  /** What somebody else has attached to it stays, and so does the role: as with CloudFormation. */
  async delete(RoleName, properties, { clients: { iam } }) {
    const remove = async (): Promise<void> => {
      for (const policy of records(properties["Policies"])) {
        const PolicyName = string(policy["PolicyName"]);
        await unlessGone(iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
      }
      for (const PolicyArn of strings(properties["ManagedPolicyArns"]))
        await unlessGone(iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
      await iam.send(new DeleteRoleCommand({ RoleName }));
    };
    await unlessGone(remove());
  },
};

const instanceProfile: Provider = {
  properties: ["InstanceProfileName", "Path", "Roles"],
  async create(properties, making) {
    const { iam } = making.clients;
    const InstanceProfileName = string(properties["InstanceProfileName"]) ?? generatedName(making, 64);
    await iam.send(
      new CreateInstanceProfileCommand({ InstanceProfileName, Path: string(properties["Path"]) ?? "/" }),
    );
    for (const RoleName of strings(properties["Roles"]))
      await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
    const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }));
    return { physicalId: InstanceProfileName, attributes: { Arn: InstanceProfile?.Arn ?? "" } };
  },
  async delete(InstanceProfileName, _, { clients: { iam } }) {
    const remove = async (): Promise<void> => {
      const { InstanceProfile } = await iam.send(new GetInstanceProfileCommand({ InstanceProfileName }));
      for (const { RoleName } of InstanceProfile?.Roles ?? [])
        await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }));
      await iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName }));
    };
    await unlessGone(remove());
  },
};

const managedPolicy: Provider = {
  properties: ["ManagedPolicyName", "Path", "Description", "PolicyDocument", "Roles", "Users"],
  async create(properties, making) {
    const { iam } = making.clients;
    const { Policy } = await iam.send(
      new CreatePolicyCommand({
        PolicyName: string(properties["ManagedPolicyName"]) ?? generatedName(making, 128),
        Path: string(properties["Path"]) ?? "/",
        Description: string(properties["Description"]),
        PolicyDocument: JSON.stringify(properties["PolicyDocument"]),
      }),
    );
    const PolicyArn = Policy?.Arn ?? "";
    for (const RoleName of strings(properties["Roles"]))
      await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
    for (const UserName of strings(properties["Users"]))
      await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }));
    return { physicalId: PolicyArn, attributes: { PolicyArn, PolicyId: Policy?.PolicyId ?? "" } };
  },
  /** A policy has at most five versions: the old ones go. */
  async update(PolicyArn, properties, { clients: { iam } }) {
    const { Versions } = await iam.send(new ListPolicyVersionsCommand({ PolicyArn }));
    for (const { VersionId, IsDefaultVersion } of Versions ?? [])
      if (IsDefaultVersion !== true) await iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }));
    await iam.send(
      new CreatePolicyVersionCommand({
        PolicyArn,
        PolicyDocument: JSON.stringify(properties["PolicyDocument"]),
        SetAsDefault: true,
      }),
    );
    return { physicalId: PolicyArn, attributes: { PolicyArn } };
  },
  async delete(PolicyArn, properties, { clients: { iam } }) {
    const remove = async (): Promise<void> => {
      const own = strings(properties["Roles"]);
      for (const RoleName of own)
        await unlessGone(iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
      const used = await iam.send(new ListEntitiesForPolicyCommand({ PolicyArn }));
      const users = [...(used.PolicyUsers ?? []), ...(used.PolicyRoles ?? []), ...(used.PolicyGroups ?? [])];
      if (users.length > 0)
        throw new Error("Cannot delete a policy attached to entities. (Service: Iam, Status Code: 409)");
      const { Versions } = await iam.send(new ListPolicyVersionsCommand({ PolicyArn }));
      for (const { VersionId, IsDefaultVersion } of Versions ?? [])
        if (IsDefaultVersion !== true)
          await iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }));
      await iam.send(new DeletePolicyCommand({ PolicyArn }));
    };
    await unlessGone(remove());
  },
};

export const IAM_PROVIDERS: Record<string, Provider> = {
  "AWS::IAM::Role": role,
  "AWS::IAM::InstanceProfile": instanceProfile,
  "AWS::IAM::ManagedPolicy": managedPolicy,
};
