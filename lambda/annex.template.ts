import { DIRECT_PORT } from "../core/direct.ts";
import { BOUNDARY, BOUNDARY_PARAMETER, HAS_BOUNDARY, attribute, output, ref, sub } from "./intrinsic.ts";
import { USER_POLICY, USER_POLICY_PARAMETERS } from "./user-policy.ts";

/** Stands for the role's id while the user data is made: only the stack knows it. */
const ROLE_ID = "ROLE-ID-OF-THE-STACK";

const annexTag = { Key: "htcondor:AnnexName", Value: ref("Annex") };
const poolTag = { Key: "htcondor:Pool", Value: ref("Pool") };

/**
 * One annex: role and profile, security group, launch templates, policy for users. `userData` makes a node's user data for a role id. From the
 * CIDR blocks given HTCondor on a node is reached, and nothing else of it from anywhere.
 */
export function annexTemplate(userData: (roleId: string) => string, directFrom: readonly string[] = []) {
  const launchTemplateData = {
    IamInstanceProfile: { Arn: attribute("Profile", "Arn") },
    UserData: { "Fn::Base64": { "Fn::Join": ["", withRoleId(userData(ROLE_ID))] } },
    KeyName: { "Fn::If": ["HasKey", ref("KeyName"), ref("AWS::NoValue")] },
    MetadataOptions: {
      HttpEndpoint: "enabled",
      HttpTokens: "required",
      HttpPutResponseHopLimit: 1,
      InstanceMetadataTags: "enabled",
    },
    InstanceInitiatedShutdownBehavior: "terminate",
    DisableApiTermination: false,
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        AssociatePublicIpAddress: ref("PublicIp"),
        DeleteOnTermination: true,
        Groups: [attribute("SecurityGroup", "GroupId")],
      },
    ],
    TagSpecifications: [
      { ResourceType: "volume", Tags: [annexTag] },
      { ResourceType: "network-interface", Tags: [annexTag] },
    ],
  };
  const launchTemplate = (data: object) => ({
    Type: "AWS::EC2::LaunchTemplate",
    Properties: {
      LaunchTemplateData: data,
      TagSpecifications: [{ ResourceType: "launch-template", Tags: [annexTag, poolTag] }],
    },
  });
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Updraft: one annex",
    Parameters: {
      PermissionsBoundary: BOUNDARY_PARAMETER,
      Annex: { Type: "String", AllowedPattern: "[a-z][a-z0-9]{0,26}" },
      Pool: { Type: "String", MinLength: 1, MaxLength: 255 },
      Bucket: { Type: "String" },
      VpcId: { Type: "AWS::EC2::VPC::Id" },
      PublicIp: { Type: "String", Default: "false", AllowedValues: ["true", "false"] },
      KeyName: { Type: "String", Default: "" },
      ...USER_POLICY_PARAMETERS,
    },
    Conditions: {
      HasBoundary: HAS_BOUNDARY,
      HasKey: { "Fn::Not": [{ "Fn::Equals": [ref("KeyName"), ""] }] },
    },
    Resources: {
      Role: {
        Type: "AWS::IAM::Role",
        Properties: {
          Path: "/updraft/",
          Description: sub("Updraft annex ${Annex}, ${AWS::Region}"),
          PermissionsBoundary: BOUNDARY,
          MaxSessionDuration: 3600,
          AssumeRolePolicyDocument: {
            Version: "2012-10-17",
            Statement: [
              {
                Sid: "Ec2",
                Effect: "Allow",
                Principal: { Service: sub("ec2.${AWS::URLSuffix}") },
                Action: "sts:AssumeRole",
              },
            ],
          },
          Policies: [
            {
              PolicyName: "node",
              PolicyDocument: {
                Version: "2012-10-17",
                Statement: [
                  {
                    Sid: "ReadOwnAnnex",
                    Effect: "Allow",
                    Action: "s3:GetObject",
                    Resource: [
                      sub("arn:${AWS::Partition}:s3:::${Bucket}/bin/*"),
                      sub("arn:${AWS::Partition}:s3:::${Bucket}/annexes/${Annex}/*"),
                    ],
                  },
                  {
                    Sid: "WriteOwnReport",
                    Effect: "Allow",
                    Action: "s3:PutObject",
                    Resource: sub("arn:${AWS::Partition}:s3:::${Bucket}/reports/${Annex}/${!aws:userid}"),
                  },
                  {
                    Sid: "NothingFromImdsV1",
                    Effect: "Deny",
                    Action: "*",
                    Resource: "*",
                    Condition: { NumericLessThan: { "ec2:RoleDelivery": "2.0" } },
                  },
                ],
              },
            },
          ],
          Tags: [annexTag, poolTag],
        },
      },
      Profile: {
        Type: "AWS::IAM::InstanceProfile",
        Properties: { Path: "/updraft/", Roles: [ref("Role")] },
      },
      SecurityGroup: {
        Type: "AWS::EC2::SecurityGroup",
        Properties: {
          // It cannot be changed, only replaced with the group, so it is the same for an annex that lets the pool in.
          GroupDescription: sub("Updraft annex ${Annex}: no inbound"),
          VpcId: ref("VpcId"),
          SecurityGroupIngress: directFrom.map((block) => ({
            IpProtocol: "tcp",
            FromPort: DIRECT_PORT,
            ToPort: DIRECT_PORT,
            CidrIp: block,
          })),
          Tags: [annexTag, poolTag],
        },
      },
      LaunchTemplate: launchTemplate(launchTemplateData),
      // EC2 refuses this setting for types without credits, hence a template of its own.
      BurstableLaunchTemplate: launchTemplate({
        ...launchTemplateData,
        CreditSpecification: { CpuCredits: "standard" },
      }),
      UserPolicy: USER_POLICY,
    },
    Outputs: {
      Role: output(attribute("Role", "Arn")),
      RoleId: output(attribute("Role", "RoleId")),
      Profile: output(attribute("Profile", "Arn")),
      SecurityGroup: output(attribute("SecurityGroup", "GroupId")),
      LaunchTemplate: output(ref("LaunchTemplate")),
      LaunchTemplateVersion: output(attribute("LaunchTemplate", "LatestVersionNumber")),
      BurstableLaunchTemplate: output(ref("BurstableLaunchTemplate")),
      BurstableLaunchTemplateVersion: output(attribute("BurstableLaunchTemplate", "LatestVersionNumber")),
      UserPolicy: output(ref("UserPolicy")),
      ...(directFrom.length > 0 && { DirectFrom: output(directFrom.join(",")) }),
    },
  };
}

/** The text with the stack's role id in place of every stand-in. */
function withRoleId(text: string): unknown[] {
  return text.split(ROLE_ID).flatMap((part, i) => (i === 0 ? [part] : [attribute("Role", "RoleId"), part]));
}
