import {
  AuthorizeSecurityGroupIngressCommand,
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateSecurityGroupCommand,
  DeleteLaunchTemplateCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupRulesCommand,
  RevokeSecurityGroupIngressCommand,
  type IpPermission,
  type RequestLaunchTemplateData,
  type SecurityGroupRule,
  type TagSpecification,
} from "@aws-sdk/client-ec2";
import type { Json } from "../intrinsics.ts";
import {
  generatedName,
  number,
  records,
  string,
  tagList,
  typed,
  unlessGone,
  type Properties,
  type Provider,
} from "../provider.ts";

function permissions(properties: Properties): IpPermission[] {
  return records(properties["SecurityGroupIngress"]).map((rule) => ({
    IpProtocol: string(rule["IpProtocol"]),
    FromPort: number(rule["FromPort"]),
    ToPort: number(rule["ToPort"]),
    IpRanges: [{ CidrIp: string(rule["CidrIp"]) }],
  }));
}

const securityGroup: Provider = {
  properties: ["GroupName", "GroupDescription", "VpcId", "SecurityGroupIngress", "Tags"],
  fixed: ["GroupName", "GroupDescription", "VpcId"],
  async create(properties, making) {
    const { ec2 } = making.clients;
    const Tags = tagList(properties["Tags"]);
    const VpcId = string(properties["VpcId"]);
    const { GroupId = "" } = await ec2.send(
      new CreateSecurityGroupCommand({
        GroupName: string(properties["GroupName"]) ?? generatedName(making, 255),
        Description: string(properties["GroupDescription"]),
        VpcId,
        ...(Tags.length === 0
          ? {}
          : { TagSpecifications: [{ ResourceType: "security-group" as const, Tags }] }),
      }),
    );
    for (const IpPermissions of permissions(properties))
      await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [IpPermissions] }));
    return { physicalId: GroupId, attributes: { GroupId, VpcId: VpcId ?? "" } };
  },
  async update(GroupId, properties, { clients: { ec2 } }) {
    const { SecurityGroupRules = [] } = await ec2.send(
      new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "group-id", Values: [GroupId] }] }),
    );
    const wanted = permissions(properties);
    const are = (permission: IpPermission) => (rule: SecurityGroupRule) =>
      rule.IpProtocol === permission.IpProtocol &&
      rule.FromPort === permission.FromPort &&
      rule.ToPort === permission.ToPort &&
      rule.CidrIpv4 === permission.IpRanges?.[0]?.CidrIp;
    const present = SecurityGroupRules.filter((rule) => rule.IsEgress !== true);
    for (const one of wanted.filter((permission) => !present.some(are(permission))))
      await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [one] }));
    const surplus = present.filter((rule) => !wanted.some((permission) => are(permission)(rule)));
    const SecurityGroupRuleIds = surplus.flatMap((rule) => rule.SecurityGroupRuleId ?? []);
    if (SecurityGroupRuleIds.length > 0)
      await ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId, SecurityGroupRuleIds }));
    return { physicalId: GroupId, attributes: { GroupId, VpcId: string(properties["VpcId"]) ?? "" } };
  },
  async delete(GroupId, _, { clients }) {
    await unlessGone(clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId })));
  },
};

/** The template's own shape is the API's. */
function data(value: Json | undefined): RequestLaunchTemplateData {
  return typed(value ?? {}) as RequestLaunchTemplateData;
}

function made(id: string, latest: number | undefined, standard: number | undefined) {
  return {
    physicalId: id,
    attributes: {
      LaunchTemplateId: id,
      LatestVersionNumber: String(latest ?? 1),
      DefaultVersionNumber: String(standard ?? 1),
    },
  };
}

const launchTemplate: Provider = {
  properties: ["LaunchTemplateName", "LaunchTemplateData", "TagSpecifications", "VersionDescription"],
  async create(properties, making) {
    const { LaunchTemplate } = await making.clients.ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: string(properties["LaunchTemplateName"]) ?? generatedName(making, 125),
        LaunchTemplateData: data(properties["LaunchTemplateData"]),
        TagSpecifications: (properties["TagSpecifications"] ?? []) as unknown as TagSpecification[],
        VersionDescription: string(properties["VersionDescription"]),
      }),
    );
    return made(LaunchTemplate?.LaunchTemplateId ?? "", LaunchTemplate?.LatestVersionNumber, 1);
  },
  /** A new version; the default version stays where it was. */
  async update(LaunchTemplateId, properties, { clients }) {
    const { LaunchTemplateVersion } = await clients.ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateId,
        LaunchTemplateData: data(properties["LaunchTemplateData"]),
        VersionDescription: string(properties["VersionDescription"]),
      }),
    );
    return made(LaunchTemplateId, LaunchTemplateVersion?.VersionNumber, 1);
  },
  async delete(LaunchTemplateId, _, { clients }) {
    await unlessGone(clients.ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId })));
  },
};

export const EC2_PROVIDERS: Record<string, Provider> = {
  "AWS::EC2::SecurityGroup": securityGroup,
  "AWS::EC2::LaunchTemplate": launchTemplate,
};
