import {
  DescribeImagesCommand,
  DescribeInstanceTypesCommand,
  DescribeKeyPairsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  EC2Client,
  paginateDescribeInstances,
  paginateDescribeInstanceTypeOfferings,
  type IpPermission,
  type Route as Ec2Route,
  type _InstanceType,
} from "@aws-sdk/client-ec2";
import type { PlaceFacts, Route, RunningInstance } from "../core/check/ports.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError } from "./aws-errors.ts";

/** EC2's answer to what does not exist, or is written so that it cannot. */
const ABSENT = /^Invalid(AMIID|Group|GroupId|KeyPair|SubnetID)\.(NotFound|Malformed|Unavailable)$/;

/** Where instances would run, as EC2 shows it. */
export function placeFacts(region: string, options: AwsClientOptions = {}): PlaceFacts {
  const client = awsClient(EC2Client, region, options);

  async function read<T>(doing: string, answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (ABSENT.test(awsCode(error))) return undefined;
      throw awsError(error, doing);
    }
  }

  return {
    async subnets(ids) {
      const command = new DescribeSubnetsCommand({ Filters: [{ Name: "subnet-id", Values: [...ids] }] });
      const found = await read(`find the subnets ${ids.join(", ")}`, client.send(command));
      return (found?.Subnets ?? []).map((subnet) => ({
        id: subnet.SubnetId ?? "",
        vpcId: subnet.VpcId ?? "",
        zone: subnet.AvailabilityZone ?? "",
        free: subnet.AvailableIpAddressCount ?? 0,
      }));
    },
    async ranges(vpcId) {
      const command = new DescribeVpcsCommand({ Filters: [{ Name: "vpc-id", Values: [vpcId] }] });
      const [vpc] = (await read(`look at the VPC ${vpcId}`, client.send(command)))?.Vpcs ?? [];
      const further = (vpc?.CidrBlockAssociationSet ?? []).map((one) => one.CidrBlock);
      return [...new Set([vpc?.CidrBlock, ...further])].filter((range) => range !== undefined);
    },
    async group(id) {
      const command = new DescribeSecurityGroupsCommand({ GroupIds: [id] });
      const found = await read(`look at the security group ${id}`, client.send(command));
      const group = found?.SecurityGroups?.[0];
      if (group === undefined) return undefined;
      return { vpcId: group.VpcId ?? "", inbound: (group.IpPermissions ?? []).flatMap(inbound) };
    },
    async routeTables(vpcId) {
      const command = new DescribeRouteTablesCommand({ Filters: [{ Name: "vpc-id", Values: [vpcId] }] });
      const found = await read(`look at the route tables of ${vpcId}`, client.send(command));
      return (found?.RouteTables ?? []).map((table) => ({
        id: table.RouteTableId ?? "",
        main: (table.Associations ?? []).some((one) => one.Main === true),
        subnets: (table.Associations ?? []).flatMap((one) => one.SubnetId ?? []),
        routes: (table.Routes ?? []).map(route),
      }));
    },
    async types(names) {
      const command = new DescribeInstanceTypesCommand({ InstanceTypes: [...names] as _InstanceType[] });
      const found = await read(`find the instance types ${names.join(", ")}`, client.send(command));
      return (found?.InstanceTypes ?? []).map((facts) => ({
        type: facts.InstanceType ?? "",
        cpus: facts.VCpuInfo?.DefaultVCpus ?? 0,
        architectures: facts.ProcessorInfo?.SupportedArchitectures ?? [],
      }));
    },
    async zonesOf(types) {
      const zones = new Map<string, Set<string>>(types.map((type) => [type, new Set()]));
      const query = {
        LocationType: "availability-zone" as const,
        Filters: [{ Name: "instance-type", Values: [...types] }],
      };
      try {
        for await (const page of paginateDescribeInstanceTypeOfferings({ client }, query)) {
          for (const { InstanceType = "", Location = "" } of page.InstanceTypeOfferings ?? []) {
            zones.get(InstanceType)?.add(Location);
          }
        }
      } catch (error) {
        throw awsError(error, "find out where the instance types are offered");
      }
      return zones;
    },
    async image(id) {
      const answer = await read(
        `find the image ${id}`,
        client.send(new DescribeImagesCommand({ ImageIds: [id] })),
      );
      const found = answer?.Images?.find((image) => image.ImageId === id);
      return (
        found && {
          id,
          name: found.Name ?? "",
          state: found.State ?? "",
          architecture: found.Architecture ?? "",
        }
      );
    },
    async hasKeyPair(name) {
      const answer = await read(
        `find the key pair ${name}`,
        client.send(new DescribeKeyPairsCommand({ KeyNames: [name] })),
      );
      return (answer?.KeyPairs ?? []).length > 0;
    },
    async running() {
      const found: RunningInstance[] = [];
      const counted = [{ Name: "instance-state-name", Values: ["pending", "running", "stopping"] }];
      try {
        for await (const page of paginateDescribeInstances(
          { client, pageSize: 1000 },
          { Filters: counted },
        )) {
          for (const { Instances } of page.Reservations ?? []) {
            for (const { InstanceType = "", InstanceLifecycle } of Instances ?? []) {
              found.push({ type: InstanceType, spot: InstanceLifecycle === "spot" });
            }
          }
        }
      } catch (error) {
        throw awsError(error, "list the instances of the account");
      }
      return found;
    },
  };
}

/** A group may be let in by addresses of either kind, by a list of them, or by another group. */
function inbound(one: IpPermission): string[] {
  const sources = [
    ...(one.IpRanges ?? []).map((range) => range.CidrIp),
    ...(one.Ipv6Ranges ?? []).map((range) => range.CidrIpv6),
    ...(one.PrefixListIds ?? []).map((list) => list.PrefixListId),
    ...(one.UserIdGroupPairs ?? []).map((group) => group.GroupId),
  ];
  const { IpProtocol, FromPort, ToPort } = one;
  const ports = FromPort === undefined ? "" : ToPort === FromPort ? ` ${FromPort}` : ` ${FromPort}-${ToPort}`;
  const what = IpProtocol === "-1" ? "everything" : `${IpProtocol}${ports}`;
  return sources.map((source) => `${what} from ${source ?? ""}`);
}

function route(one: Ec2Route): Route {
  return {
    destination:
      one.DestinationCidrBlock ?? one.DestinationIpv6CidrBlock ?? one.DestinationPrefixListId ?? "",
    target:
      one.NatGatewayId ??
      one.TransitGatewayId ??
      one.VpcPeeringConnectionId ??
      one.NetworkInterfaceId ??
      one.InstanceId ??
      one.EgressOnlyInternetGatewayId ??
      one.GatewayId ??
      "",
    active: one.State !== "blackhole",
  };
}
