import {
  DescribeAddressesCommand,
  DescribeKeyPairsCommand,
  DescribeNetworkInterfacesCommand,
} from "@aws-sdk/client-ec2";
import { DescribeSecurityGroupsCommand, DescribeVolumesCommand } from "@aws-sdk/client-ec2";
import { DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { ListRulesCommand } from "@aws-sdk/client-eventbridge";
import {
  ListEntitiesForPolicyCommand,
  ListGroupsCommand,
  ListInstanceProfilesCommand,
  ListPoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  ListUsersCommand,
} from "@aws-sdk/client-iam";
import {
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
} from "@aws-sdk/client-s3";
import { ListSubscriptionsCommand, ListTopicsCommand } from "@aws-sdk/client-sns";
import { DescribeParametersCommand } from "@aws-sdk/client-ssm";
import type { Clients } from "./clients.ts";
import type { Inventory } from "./ports.ts";

/** Lists what an account holds, asking the emulator itself: no request of this shows in the log of requests. */
export async function inventory(
  emulator: Clients,
  own: {
    stacks: readonly string[];
    instances: readonly string[];
    templates: readonly string[];
    functions: readonly string[];
    alarms: readonly string[];
  },
): Promise<Inventory> {
  const lists: Record<string, readonly (string | undefined)[]> = {
    stacks: own.stacks,
    instances: own.instances,
    "launch templates": own.templates,
    functions: own.functions,
    alarms: own.alarms,
    ...(await ofEc2(emulator)),
    ...(await ofIam(emulator)),
    ...(await ofS3(emulator)),
    rules: (await emulator.events.send(new ListRulesCommand({}))).Rules?.map((r) => r.Name) ?? [],
    "log groups":
      (await emulator.logs.send(new DescribeLogGroupsCommand({}))).logGroups?.map((g) => g.logGroupName) ??
      [],
    topics: (await emulator.sns.send(new ListTopicsCommand({}))).Topics?.map((t) => t.TopicArn) ?? [],
    subscriptions:
      (await emulator.sns.send(new ListSubscriptionsCommand({}))).Subscriptions?.map(
        (s) => `${s.TopicArn ?? ""} ${s.Endpoint ?? ""}`,
      ) ?? [],
    parameters:
      (await emulator.ssm.send(new DescribeParametersCommand({}))).Parameters?.map((p) => p.Name) ?? [],
  };
  return Object.fromEntries(
    Object.entries(lists).map(([kind, names]) => [kind, names.map((name) => name ?? "").sort()]),
  );
}

async function ofEc2({ ec2 }: Clients) {
  const groups = await ec2.send(new DescribeSecurityGroupsCommand({}));
  const volumes = await ec2.send(new DescribeVolumesCommand({}));
  const interfaces = await ec2.send(new DescribeNetworkInterfacesCommand({}));
  const keys = await ec2.send(new DescribeKeyPairsCommand({}));
  const addresses = await ec2.send(new DescribeAddressesCommand({}));
  return {
    "security groups": (groups.SecurityGroups ?? []).map((g) => `${g.GroupId} ${g.GroupName}`),
    volumes: (volumes.Volumes ?? []).map((v) => v.VolumeId),
    "network interfaces": (interfaces.NetworkInterfaces ?? []).map((n) => n.NetworkInterfaceId),
    "key pairs": (keys.KeyPairs ?? []).map((k) => k.KeyName),
    addresses: (addresses.Addresses ?? []).map((a) => a.PublicIp),
  };
}

async function ofIam({ iam }: Clients) {
  const roles = (await iam.send(new ListRolesCommand({}))).Roles ?? [];
  const policies = (await iam.send(new ListPoliciesCommand({ Scope: "Local" }))).Policies ?? [];
  const profiles = (await iam.send(new ListInstanceProfilesCommand({}))).InstanceProfiles ?? [];
  const inline = await Promise.all(
    roles.map(async ({ RoleName }) =>
      ((await iam.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames ?? []).map(
        (name) => `${RoleName} ${name}`,
      ),
    ),
  );
  const attachments = await Promise.all(
    policies.map(async ({ Arn: PolicyArn, PolicyName }) => {
      const used = await iam.send(new ListEntitiesForPolicyCommand({ PolicyArn }));
      return [
        ...(used.PolicyUsers ?? []).map((u) => `${PolicyName} user ${u.UserName}`),
        ...(used.PolicyRoles ?? []).map((r) => `${PolicyName} role ${r.RoleName}`),
        ...(used.PolicyGroups ?? []).map((g) => `${PolicyName} group ${g.GroupName}`),
      ];
    }),
  );
  return {
    roles: roles.map((r) => `${r.Path}${r.RoleName}`),
    "role policies": inline.flat(),
    "instance profiles": profiles.map(
      (p) => `${p.Path}${p.InstanceProfileName} ${(p.Roles ?? []).map((r) => r.RoleName).join()}`,
    ),
    policies: policies.map((p) => `${p.Path}${p.PolicyName}`),
    attachments: attachments.flat(),
    users: ((await iam.send(new ListUsersCommand({}))).Users ?? []).map((u) => u.UserName),
    groups: ((await iam.send(new ListGroupsCommand({}))).Groups ?? []).map((g) => g.GroupName),
  };
}

async function ofS3({ s3 }: Clients) {
  const buckets = ((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).map(({ Name }) => Name ?? "");
  const versions = await Promise.all(
    buckets.map(async (Bucket) => {
      const found = await s3.send(new ListObjectVersionsCommand({ Bucket }));
      return [...(found.Versions ?? []), ...(found.DeleteMarkers ?? [])].map((v) => `${Bucket}/${v.Key}`);
    }),
  );
  const uploads = await Promise.all(
    buckets.map(async (Bucket) =>
      ((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).map(
        (u) => `${Bucket}/${u.Key}`,
      ),
    ),
  );
  return { buckets, objects: versions.flat(), uploads: uploads.flat() };
}
