import type { Instance } from "../ec2/instance.ts";
import { requestTagKeys, resourceTagKeys } from "../ec2/launch.ts";
import { specifiedTags, type LaunchTemplates } from "../ec2/launch-templates.ts";
import type { Instances } from "../ec2/instances.ts";
import { ACCOUNT, ec2Arn, REGION, type Question } from "../service.ts";
import { list, record, tagsOf, text, texts, type Parameters } from "../wire/parameters.ts";
import type { AwsRequest } from "../wire/request.ts";
import { s3Questions } from "./s3-questions.ts";
import type { IamArns } from "./iam-arns.ts";

/** Tags of a security group, which the emulator keeps. */
export type GroupTags = (id: string) => Promise<Record<string, string>>;

/** What IAM must allow for a request. Launches ask for themselves, when they know what they launch. */
export async function questionsOf(
  request: AwsRequest,
  world: { instances: Instances; templates: LaunchTemplates; arns: IamArns; groupTags: GroupTags },
): Promise<Question[]> {
  const { service, action, parameters } = request;
  const named = `${service}:${action}`;
  const on = (resource: string, keys?: Question["keys"]): Question[] => [
    { action: named, resource, ...(keys === undefined ? {} : { keys }) },
  ];
  const arn = (rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
  const get = (name: string): string | undefined => text(parameters[name]);
  switch (service) {
    case "s3":
      return s3Questions(request);
    case "ec2":
      return ec2Questions(action, parameters, world);
    case "sts":
      return action === "GetCallerIdentity" ? [] : on(get("RoleArn") ?? "*");
    case "iam":
      return iamQuestions(action, parameters, world.arns);
    case "cloudformation":
      return on(stackArn(get("StackName")), {
        ...requestTagKeys(tagsOf(parameters["Tags"])),
        "cloudformation:RoleArn": get("RoleARN"),
        "cloudformation:TemplateUrl": get("TemplateURL"),
      });
    case "lambda":
      return lambdaQuestions(action, parameters, request);
    case "sns":
      return on(
        get("TopicArn") ??
          get("SubscriptionArn") ??
          (get("Name") === undefined ? "*" : arn(get("Name") ?? "")),
        {
          "sns:Protocol": get("Protocol"),
          "sns:Endpoint": get("Endpoint"),
        },
      );
    case "events":
      return on(
        get("Name") === undefined && get("Rule") === undefined
          ? "*"
          : arn(`rule/${get("Rule") ?? get("Name")}`),
        {
          "events:TargetArn": list(parameters["Targets"]).flatMap((t) => text(record(t)["Arn"]) ?? []),
        },
      );
    case "logs": {
      const group = get("logGroupName");
      const stream = get("logStreamName");
      if (group === undefined) return on("*");
      return on(arn(`log-group:${group}:${stream === undefined ? "*" : `log-stream:${stream}`}`));
    }
    case "cloudwatch":
      if (action === "PutMetricAlarm") return on(arn(`alarm:${get("AlarmName") ?? ""}`));
      if (action === "DeleteAlarms" || action === "DescribeAlarms") {
        const names = texts(parameters["AlarmNames"]);
        return (names.length === 0 ? ["*"] : names).flatMap((name) => on(arn(`alarm:${name}`)));
      }
      return on("*", { "cloudwatch:namespace": get("Namespace") });
    case "ssm": {
      const names = [get("Name"), ...texts(parameters["Names"])].filter((name) => name !== undefined);
      return names.flatMap((name) => {
        const publicOne = name.startsWith("/aws/service/");
        const path = name.startsWith("/") ? name : `/${name}`;
        return on(`arn:aws:ssm:${REGION}:${publicOne ? "" : ACCOUNT}:parameter${path}`);
      });
    }
    default:
      return on("*");
  }
}

function stackArn(nameOrId: string | undefined): string {
  if (nameOrId === undefined) return "*";
  return nameOrId.startsWith("arn:")
    ? nameOrId
    : `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${nameOrId}/*`;
}

/** Whoever makes something with tags tags it. */
function making(action: string, type: string, parameters: Parameters): Question[] {
  const tags = specifiedTags(parameters["TagSpecification"], type);
  const resource = ec2Arn(type, "*");
  const keys = requestTagKeys(tags);
  return [
    { action: `ec2:${action}`, resource, ...(keys && { keys }) },
    ...(Object.keys(tags).length === 0
      ? []
      : [{ action: "ec2:CreateTags", resource, keys: { ...keys, "ec2:CreateAction": action } }]),
  ];
}

async function ec2Questions(
  action: string,
  parameters: Parameters,
  world: { instances: Instances; templates: LaunchTemplates; groupTags: GroupTags },
): Promise<Question[]> {
  const on = (type: string, id: string, keys: Question["keys"] = {}): Question => ({
    action: `ec2:${action}`,
    resource: ec2Arn(type, id),
    keys,
  });
  switch (action) {
    case "RunInstances":
    case "CreateFleet":
      return [];
    case "TerminateInstances":
    case "GetConsoleOutput":
    case "StopInstances":
    case "StartInstances":
    case "RebootInstances":
    case "ModifyInstanceAttribute":
    case "ModifyInstanceMetadataOptions": {
      const ids = [...texts(parameters["InstanceId"]), text(parameters["InstanceId"])];
      return ids
        .filter((id) => id !== undefined)
        .map((id) => on("instance", id, instanceKeys(world.instances.get(id))));
    }
    case "CreateTags":
    case "DeleteTags": {
      const tags = tagsOf(parameters["Tag"]);
      return Promise.all(
        texts(parameters["ResourceId"]).map(async (id) => {
          const instance = world.instances.get(id);
          const template = world.templates.get(id);
          return on(typeOf(id), id, {
            ...requestTagKeys(tags),
            ...(id.startsWith("sg-") ? resourceTagKeys(await world.groupTags(id)) : {}),
            ...(template === undefined ? {} : resourceTagKeys(template.tags)),
            ...(instance === undefined ? {} : instanceKeys(instance)),
          });
        }),
      );
    }
    case "CreateLaunchTemplate":
      return making(action, "launch-template", parameters);
    case "CreateLaunchTemplateVersion":
    case "ModifyLaunchTemplate":
    case "DeleteLaunchTemplate": {
      const id = text(parameters["LaunchTemplateId"]) ?? "*";
      return [on("launch-template", id, resourceTagKeys(world.templates.get(id)?.tags ?? {}) ?? {})];
    }
    case "CreateSecurityGroup":
      return [...making(action, "security-group", parameters), on("vpc", text(parameters["VpcId"]) ?? "*")];
    case "DeleteSecurityGroup":
    case "AuthorizeSecurityGroupIngress":
    case "AuthorizeSecurityGroupEgress":
    case "RevokeSecurityGroupIngress":
    case "RevokeSecurityGroupEgress": {
      const id = text(parameters["GroupId"]) ?? "*";
      return [on("security-group", id, resourceTagKeys(await world.groupTags(id)))];
    }
    default:
      return [{ action: `ec2:${action}`, resource: "*" }];
  }
}

function instanceKeys(instance: Instance | undefined): Question["keys"] {
  if (instance === undefined) return {};
  return {
    ...resourceTagKeys(instance.tags),
    "ec2:InstanceProfile": instance.profile?.arn,
    "ec2:InstanceType": instance.instanceType,
    "ec2:AvailabilityZone": instance.subnet.zone,
    "ec2:InstanceMarketType": instance.market,
    "ec2:MetadataHttpTokens": instance.metadata.httpTokens,
    "ec2:MetadataHttpPutResponseHopLimit": String(instance.metadata.hopLimit),
  };
}

const PREFIXES: Record<string, string> = {
  i: "instance",
  lt: "launch-template",
  sg: "security-group",
  subnet: "subnet",
  vpc: "vpc",
  vol: "volume",
  eni: "network-interface",
  ami: "image",
  fleet: "fleet",
  key: "key-pair",
};

function typeOf(id: string): string {
  return PREFIXES[id.slice(0, id.indexOf("-"))] ?? "*";
}

async function iamQuestions(action: string, parameters: Parameters, arns: IamArns): Promise<Question[]> {
  const get = (name: string): string | undefined => text(parameters[name]);
  const path = get("Path") ?? "/";
  const made = (type: string, name: string): string => `arn:aws:iam::${ACCOUNT}:${type}${path}${name}`;
  const role = get("RoleName");
  const profile = get("InstanceProfileName");
  const user = get("UserName");
  const creating = action.startsWith("Create");
  const group = get("GroupName");
  const roleArn = role === undefined ? undefined : creating ? made("role", role) : await arns.role(role);
  const boundary =
    get("PermissionsBoundary") ?? (role === undefined || creating ? undefined : await arns.boundary(role));
  const question = (resource: string): Question => ({
    action: `iam:${action}`,
    resource,
    keys: {
      ...requestTagKeys(tagsOf(parameters["Tags"])),
      "iam:PermissionsBoundary": boundary,
      "iam:PolicyARN": get("PolicyArn"),
      "iam:AWSServiceName": get("AWSServiceName"),
    },
  });
  if (profile !== undefined) {
    const arn = creating ? made("instance-profile", profile) : await arns.profile(profile);
    const passed: Question[] =
      action === "AddRoleToInstanceProfile" && roleArn !== undefined
        ? [{ action: "iam:PassRole", resource: roleArn }]
        : [];
    return [question(arn), ...passed];
  }
  if (roleArn !== undefined) {
    const tagging = creating && Object.keys(tagsOf(parameters["Tags"])).length > 0;
    const asked = question(roleArn);
    return tagging ? [asked, { ...asked, action: "iam:TagRole" }] : [asked];
  }
  if (group !== undefined) return [question(await arns.group(group))];
  if (user !== undefined) return [question(creating ? made("user", user) : await arns.user(user))];
  const linked = get("AWSServiceName");
  if (linked !== undefined) return [question(`arn:aws:iam::${ACCOUNT}:role/aws-service-role/${linked}/*`)];
  if (action === "CreatePolicy") return [question(made("policy", get("PolicyName") ?? "*"))];
  return [question(get("PolicyArn") ?? "*")];
}

/** IAM's name differs from the API's for one action. */
function lambdaQuestions(action: string, parameters: Parameters, request: AwsRequest): Question[] {
  const name = text(parameters["FunctionName"]);
  const resource =
    name === undefined
      ? "*"
      : `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name.replace(/^.*:function:/, "")}`;
  const role = text(parameters["Role"]);
  const passed: Question[] =
    role === undefined
      ? []
      : [{ action: "iam:PassRole", resource: role, keys: { "iam:PassedToService": "lambda.amazonaws.com" } }];
  return [
    {
      action: `lambda:${action === "Invoke" ? "InvokeFunction" : action}`,
      resource,
      keys: {
        ...requestTagKeys(request.action === "CreateFunction" ? tagsOf(parameters["Tags"]) : {}),
        "lambda:Principal": text(parameters["Principal"]),
      },
    },
    ...passed,
  ];
}
