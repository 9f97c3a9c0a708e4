import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  type EC2Client,
  type IpPermission,
} from "@aws-sdk/client-ec2";
import { GetInstanceProfileCommand, ListInstanceProfilesCommand, type IAMClient } from "@aws-sdk/client-iam";
import type { CloudSettings, InboundRule } from "../ports.ts";
import { AwsError } from "../wire/error.ts";
import type { Profile, Subnet } from "./instance.ts";

export type Catalog = ReturnType<typeof catalog>;

export type Group = {
  groupId: string;
  groupName: string;
  vpcId: string;
  tags: Record<string, string>;
  inbound: InboundRule[];
};

/** What launches refer to and the emulator keeps: subnets, groups, types and where they are offered, profiles. */
export function catalog(ec2: EC2Client, iam: IAMClient, settings: () => CloudSettings) {
  const types = new Map<string, Promise<number | undefined>>();
  const cpus = new Map<string, number>();
  const offerings = new Map<string, Promise<Set<string>>>();

  async function subnets(): Promise<Subnet[]> {
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand({}));
    return (Subnets ?? []).map((s) => ({
      subnetId: s.SubnetId ?? "",
      vpcId: s.VpcId ?? "",
      zone: s.AvailabilityZone ?? "",
      cidr: s.CidrBlock ?? "",
      tags: Object.fromEntries((s.Tags ?? []).map((t) => [t.Key ?? "", t.Value ?? ""])),
    }));
  }

  return {
    subnets,
    /** The one named, or the default VPC's first in that zone. */
    async subnet(id: string | undefined, zone: string | undefined): Promise<Subnet> {
      const all = await subnets();
      const found = all.find((s) =>
        id === undefined ? zone === undefined || s.zone === zone : s.subnetId === id,
      );
      if (found === undefined)
        throw new AwsError("InvalidSubnetID.NotFound", `The subnet ID '${id ?? zone ?? ""}' does not exist`);
      return found;
    },
    async groups(ids: readonly string[], vpcId: string): Promise<Group[]> {
      const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({}));
      const all = (SecurityGroups ?? []).map((g) => ({
        groupId: g.GroupId ?? "",
        groupName: g.GroupName ?? "",
        vpcId: g.VpcId ?? "",
        tags: Object.fromEntries((g.Tags ?? []).map((t) => [t.Key ?? "", t.Value ?? ""])),
        inbound: (g.IpPermissions ?? []).flatMap(inboundRules),
      }));
      if (ids.length === 0) return all.filter((g) => g.vpcId === vpcId && g.groupName === "default");
      return ids.map((id) => {
        const found = all.find((g) => g.groupId === id);
        if (found === undefined)
          throw new AwsError("InvalidGroup.NotFound", `The security group '${id}' does not exist`);
        if (found.vpcId !== vpcId)
          throw new AwsError(
            "InvalidParameter",
            `Security group ${id} and the subnet belong to different networks.`,
          );
        return found;
      });
    },
    /** No tags of a group that does not exist. */
    async groupTags(id: string): Promise<Record<string, string>> {
      const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({}));
      const found = SecurityGroups?.find(({ GroupId }) => GroupId === id);
      return Object.fromEntries((found?.Tags ?? []).map((t) => [t.Key ?? "", t.Value ?? ""]));
    },
    async isType(instanceType: string): Promise<boolean> {
      const known = types.get(instanceType) ?? vcpus(ec2, instanceType);
      types.set(instanceType, known);
      const count = await known;
      if (count !== undefined) cpus.set(instanceType, count);
      return count !== undefined;
    },
    /** Of a type that was found to be one. */
    vcpus: (instanceType: string): number => cpus.get(instanceType) ?? 0,
    async isOffered(instanceType: string, zone: string): Promise<boolean> {
      const known = offerings.get(instanceType) ?? zonesOf(ec2, instanceType);
      offerings.set(instanceType, known);
      const { notOffered } = settings();
      if (notOffered.some((one) => one.instanceType === instanceType && one.zone === zone)) return false;
      return (await known).has(zone);
    },
    /** By ARN or by name, as a launch may refer to it. */
    async profile(arn: string | undefined, name: string | undefined): Promise<Profile> {
      const missing = new AwsError(
        "InvalidParameterValue",
        `Value (${arn ?? name ?? ""}) for parameter iamInstanceProfile is invalid. Invalid IAM Instance Profile`,
      );
      try {
        const found =
          arn === undefined
            ? (await iam.send(new GetInstanceProfileCommand({ InstanceProfileName: name }))).InstanceProfile
            : (await iam.send(new ListInstanceProfilesCommand({}))).InstanceProfiles?.find(
                (p) => p.Arn === arn,
              );
        const role = found?.Roles?.[0]?.RoleName;
        if (found?.Arn === undefined || role === undefined) throw missing;
        return { arn: found.Arn, id: found.InstanceProfileId ?? "", roleName: role };
      } catch (error) {
        if (error instanceof Error && error.name.startsWith("NoSuchEntity")) throw missing;
        throw error;
      }
    },
  };
}

/** Undefined when there is no such type. */
async function vcpus(ec2: EC2Client, instanceType: string): Promise<number | undefined> {
  try {
    const { InstanceTypes } = await ec2.send(
      new DescribeInstanceTypesCommand({ InstanceTypes: [instanceType as never] }),
    );
    return InstanceTypes?.[0]?.VCpuInfo?.DefaultVCpus ?? 1;
  } catch (error) {
    if (error instanceof Error && error.name === "InvalidInstanceType") return undefined;
    throw error;
  }
}

async function zonesOf(ec2: EC2Client, instanceType: string): Promise<Set<string>> {
  const { InstanceTypeOfferings } = await ec2.send(
    new DescribeInstanceTypeOfferingsCommand({
      LocationType: "availability-zone",
      Filters: [{ Name: "instance-type", Values: [instanceType] }],
    }),
  );
  return new Set((InstanceTypeOfferings ?? []).flatMap((o) => o.Location ?? []));
}

/** Of IPv4 blocks alone: what other groups let in does not come in here. */
function inboundRules({ IpProtocol = "", FromPort = 0, ToPort = 65535, IpRanges = [] }: IpPermission) {
  return IpRanges.map(({ CidrIp = "" }): InboundRule => {
    return { protocol: IpProtocol, fromPort: FromPort, toPort: ToPort, source: CidrIp };
  });
}
