import {
  AuthorizeSecurityGroupIngressCommand,
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateSecurityGroupCommand,
  DeleteLaunchTemplateCommand,
  DeleteSecurityGroupCommand,
  type RequestLaunchTemplateData,
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
  type Provider,
} from "../provider.ts";

const securityGroup: Provider = {
  properties: ["GroupName", "GroupDescription", "VpcId", "SecurityGroupIngress", "Tags"],
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
    for (const rule of records(properties["SecurityGroupIngress"]))
      await ec2.send(
        new AuthorizeSecurityGroupIngressCommand({
          GroupId,
          IpPermissions: [
            {
              IpProtocol: string(rule["IpProtocol"]),
              FromPort: number(rule["FromPort"]),
              ToPort: number(rule["ToPort"]),
              IpRanges: [{ CidrIp: string(rule["CidrIp"]) }],
            },
          ],
        }),
      );
    return { physicalId: GroupId, attributes: { GroupId, VpcId: VpcId ?? "" } };
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
