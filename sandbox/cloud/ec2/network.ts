import {
  AllocateAddressCommand,
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateNatGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  DescribeInternetGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";

const EVERYWHERE = "0.0.0.0/0";

/**
 * Routes as an account has them whose instances get no public address, as none here does: out by a NAT gateway, which
 * stands in the last subnet, the only one that goes to the internet gateway itself. The emulator has no route out.
 */
export async function makeRoutes(ec2: EC2Client): Promise<void> {
  const { Vpcs } = await ec2.send(
    new DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["true"] }] }),
  );
  const VpcId = Vpcs?.[0]?.VpcId ?? "";
  const inVpc = [{ Name: "vpc-id", Values: [VpcId] }];
  const [{ Subnets }, { RouteTables }, { InternetGateways }] = await Promise.all([
    ec2.send(new DescribeSubnetsCommand({ Filters: inVpc })),
    ec2.send(new DescribeRouteTablesCommand({ Filters: inVpc })),
    ec2.send(
      new DescribeInternetGatewaysCommand({ Filters: [{ Name: "attachment.vpc-id", Values: [VpcId] }] }),
    ),
  ]);
  const GatewayId = InternetGateways?.[0]?.InternetGatewayId ?? (await attachGateway(ec2, VpcId));
  const SubnetId = Subnets?.at(-1)?.SubnetId ?? "";
  const main = RouteTables?.find((table) => table.Associations?.some((one) => one.Main === true));

  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
  const RouteTableId = RouteTable?.RouteTableId;
  await ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: EVERYWHERE, GatewayId }));
  await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));

  const { AllocationId } = await ec2.send(new AllocateAddressCommand({ Domain: "vpc" }));
  const { NatGateway } = await ec2.send(new CreateNatGatewayCommand({ SubnetId, AllocationId }));
  const { NatGatewayId } = NatGateway ?? {};
  await ec2.send(
    new CreateRouteCommand({
      RouteTableId: main?.RouteTableId,
      DestinationCidrBlock: EVERYWHERE,
      NatGatewayId,
    }),
  );
}

async function attachGateway(ec2: EC2Client, VpcId: string): Promise<string> {
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const InternetGatewayId = InternetGateway?.InternetGatewayId ?? "";
  await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId }));
  return InternetGatewayId;
}
