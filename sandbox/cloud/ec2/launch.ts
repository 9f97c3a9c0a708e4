import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { ec2Arn, REGION, type Question } from "../service.ts";
import { AwsError } from "../wire/error.ts";
import { flag, list, record, text, texts, type Parameters } from "../wire/parameters.ts";
import type { SandboxImage } from "../ports.ts";
import type { Catalog, Group } from "./catalog.ts";
import type { Market, Metadata, Profile, Subnet } from "./instance.ts";
import { specifiedTags, type LaunchTemplate, type LaunchTemplates } from "./launch-templates.ts";

/** Everything that one launch decides, merged from template, request and override. */
export type Launch = {
  imageId: string;
  instanceType: string;
  subnet: Subnet;
  securityGroups: Group[];
  isPublic: boolean;
  profile: Profile | undefined;
  roleArn: string | undefined;
  userData: string | undefined;
  metadata: Metadata;
  /** What was asked for; a default is no condition key. */
  askedMetadata: Parameters;
  shutdownBehavior: string;
  terminationProtected: boolean;
  keyName: string | undefined;
  market: Market;
  /** By resource type. */
  tags: Record<string, Record<string, string>>;
  template: { template: LaunchTemplate; version: number } | undefined;
};

const TAGGED_TYPES = ["instance", "volume", "network-interface", "spot-instances-request"];

export type Resolver = ReturnType<typeof launchResolver>;

export function launchResolver(world: {
  catalog: Catalog;
  templates: LaunchTemplates;
  images: readonly SandboxImage[];
  iam: IAMClient;
}) {
  const { catalog, templates, images, iam } = world;

  /** `request` is shaped as RunInstances' parameters. Refuses what EC2 refuses. */
  return async function resolve(request: Parameters, market: Market | undefined): Promise<Launch> {
    const named = record(request["LaunchTemplate"]);
    const template = Object.keys(named).length === 0 ? undefined : templates.find(named);
    const version = template && templates.version(template, text(named["Version"]));
    const data = version?.data ?? {};
    const merged: Parameters = { ...data, ...request };
    const networkInterface = record(list(merged["NetworkInterface"])[0]);
    const imageId = text(merged["ImageId"]);
    if (imageId === undefined)
      throw new AwsError("MissingParameter", "The request must contain the parameter ImageId");
    if (!images.some((image) => image.imageId === imageId))
      throw new AwsError("InvalidAMIID.NotFound", `The image id '[${imageId}]' does not exist`);
    const instanceType = text(merged["InstanceType"]) ?? "m1.small";
    if (!(await catalog.isType(instanceType)))
      throw new AwsError("InvalidParameterValue", `Invalid value '${instanceType}' for InstanceType.`);
    const subnet = await catalog.subnet(
      text(merged["SubnetId"]) ?? text(networkInterface["SubnetId"]),
      text(record(merged["Placement"])["AvailabilityZone"]) ?? text(merged["AvailabilityZone"]),
    );
    const groups = [...texts(merged["SecurityGroupId"]), ...texts(networkInterface["SecurityGroupId"])];
    const wantedProfile = record(merged["IamInstanceProfile"]);
    const profile =
      Object.keys(wantedProfile).length === 0
        ? undefined
        : await catalog.profile(text(wantedProfile["Arn"]), text(wantedProfile["Name"]));
    const askedMetadata = { ...record(data["MetadataOptions"]), ...record(request["MetadataOptions"]) };
    const userData = text(merged["UserData"]);
    if (userData !== undefined && Buffer.from(userData, "base64").length > 16384)
      throw new AwsError("InvalidUserData.Malformed", "User data is limited to 16384 bytes");
    const wantedMarket = text(record(merged["InstanceMarketOptions"])["MarketType"]);
    const launch: Launch = {
      imageId,
      instanceType,
      subnet,
      isPublic: text(networkInterface["AssociatePublicIpAddress"]) === "true",
      securityGroups: await catalog.groups(groups, subnet.vpcId),
      profile,
      roleArn: profile && (await roleArn(iam, profile.roleName)),
      userData,
      metadata: {
        httpEndpoint: text(askedMetadata["HttpEndpoint"]) ?? "enabled",
        httpTokens: text(askedMetadata["HttpTokens"]) ?? "optional",
        hopLimit: Number(text(askedMetadata["HttpPutResponseHopLimit"]) ?? "1"),
        instanceTags: text(askedMetadata["InstanceMetadataTags"]) ?? "disabled",
      },
      askedMetadata,
      shutdownBehavior: text(merged["InstanceInitiatedShutdownBehavior"]) ?? "stop",
      terminationProtected: flag(merged["DisableApiTermination"]),
      keyName: text(merged["KeyName"]),
      market: market ?? (wantedMarket === "spot" ? "spot" : "on-demand"),
      tags: Object.fromEntries(
        TAGGED_TYPES.map((type) => [
          type,
          {
            ...specifiedTags(data["TagSpecification"], type),
            ...specifiedTags(request["TagSpecification"], type),
          },
        ]),
      ),
      template: template && version && { template, version: version.number },
    };
    refuseIllegal(launch);
    return launch;
  };
}

/** With tags in metadata a key that is no path makes the launch fail. */
function refuseIllegal(launch: Launch): void {
  const tags = launch.tags["instance"] ?? {};
  for (const [key, value] of Object.entries(tags)) {
    if (key.startsWith("aws:"))
      throw new AwsError(
        "InvalidParameterValue",
        `Tag keys starting with 'aws:' are reserved for internal use`,
      );
    if (key.length > 128 || value.length > 256)
      throw new AwsError("InvalidParameterValue", `Tag '${key}' is longer than allowed`);
    if (
      launch.metadata.instanceTags === "enabled" &&
      !/^(?!\.{1,2}$|_index$)[A-Za-z0-9+\-=._:@,]+$/.test(key)
    )
      throw new AwsError(
        "InvalidParameterValue",
        `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`,
      );
  }
}

async function roleArn(iam: IAMClient, RoleName: string): Promise<string | undefined> {
  return (await iam.send(new GetRoleCommand({ RoleName }))).Role?.Arn;
}

export function requestTagKeys(tags: Record<string, string>): Question["keys"] {
  const keys = Object.keys(tags);
  return {
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(keys.length === 0 ? {} : { "aws:TagKeys": keys }),
  };
}

export function resourceTagKeys(tags: Record<string, string>): Question["keys"] {
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`ec2:ResourceTag/${key}`, value],
    ]),
  );
}

/** What RunInstances is authorised against, resource by resource, with the keys that each type carries. */
export function runQuestions(launch: Launch, createAction: string): Question[] {
  const run = (type: string, id: string, keys: Question["keys"] = {}): Question => ({
    action: "ec2:RunInstances",
    resource: ec2Arn(type, id),
    keys: { ...fromTemplate, ...keys },
  });
  const template = launch.template?.template;
  const fromTemplate: Question["keys"] =
    template === undefined
      ? {}
      : {
          "ec2:LaunchTemplate": ec2Arn("launch-template", template.id),
          "ec2:IsLaunchTemplateResource": "true",
        };
  const type = { "ec2:InstanceType": launch.instanceType };
  const asked = (name: string): string | undefined => text(launch.askedMetadata[name]);
  const tagged = (of: string): Record<string, string> => launch.tags[of] ?? {};
  const questions: Question[] = [
    run("image", launch.imageId, type),
    run("subnet", launch.subnet.subnetId, {
      ...resourceTagKeys(launch.subnet.tags),
      "ec2:Vpc": ec2Arn("vpc", launch.subnet.vpcId),
      "ec2:AvailabilityZone": launch.subnet.zone,
    }),
    ...launch.securityGroups.map((group) =>
      run("security-group", group.groupId, {
        ...resourceTagKeys(group.tags),
        "ec2:Vpc": ec2Arn("vpc", launch.subnet.vpcId),
      }),
    ),
    run("network-interface", "*", {
      ...requestTagKeys(tagged("network-interface")),
      "ec2:Subnet": ec2Arn("subnet", launch.subnet.subnetId),
      "ec2:Vpc": ec2Arn("vpc", launch.subnet.vpcId),
    }),
    run("volume", "*", requestTagKeys(tagged("volume"))),
    ...(template === undefined ? [] : [run("launch-template", template.id, resourceTagKeys(template.tags))]),
    ...(launch.keyName === undefined ? [] : [run("key-pair", launch.keyName)]),
    ...(launch.market === "spot" && Object.keys(tagged("spot-instances-request")).length > 0
      ? [run("spot-instances-request", "*", requestTagKeys(tagged("spot-instances-request")))]
      : []),
    run("instance", "*", {
      ...type,
      ...requestTagKeys(tagged("instance")),
      "ec2:AvailabilityZone": launch.subnet.zone,
      "ec2:InstanceProfile": launch.profile?.arn,
      "ec2:InstanceMarketType": launch.market,
      "ec2:MetadataHttpEndpoint": asked("HttpEndpoint"),
      "ec2:MetadataHttpTokens": asked("HttpTokens"),
      "ec2:MetadataHttpPutResponseHopLimit": asked("HttpPutResponseHopLimit"),
      "ec2:InstanceMetadataTags": asked("InstanceMetadataTags"),
      "ec2:Tenancy": "default",
    }),
    ...TAGGED_TYPES.filter((of) => Object.keys(tagged(of)).length > 0).map((of) => ({
      action: "ec2:CreateTags",
      resource: ec2Arn(of, "*"),
      keys: {
        ...requestTagKeys(tagged(of)),
        "ec2:CreateAction": createAction,
        ...(of === "instance" ? { "ec2:InstanceProfile": launch.profile?.arn } : {}),
      },
    })),
    ...(launch.roleArn === undefined
      ? []
      : [
          {
            action: "iam:PassRole",
            resource: launch.roleArn,
            keys: {
              "iam:PassedToService": `ec2.amazonaws.com`,
              "iam:AssociatedResourceArn": `arn:aws:ec2:${REGION}:*:instance/*`,
            },
          },
        ]),
  ];
  // A fleet calls RunInstances with the caller's identity.
  const ViaAWSService = String(createAction === "CreateFleet");
  return questions.map(({ keys, ...question }) => ({
    ...question,
    keys: { ...keys, "aws:ViaAWSService": ViaAWSService },
  }));
}
