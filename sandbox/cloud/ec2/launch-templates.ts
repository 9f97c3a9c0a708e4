import { randomBytes } from "node:crypto";
import { AwsError } from "../wire/error.ts";
import { ec2Answer } from "../wire/answer.ts";
import { list, record, tagsOf, text, texts, type Parameters, type Value } from "../wire/parameters.ts";
import { items, type Xml } from "../wire/xml.ts";
import type { Handlers } from "../service.ts";

type Version = { number: number; created: number; description: string; data: Parameters; creator: string };
export type LaunchTemplate = {
  id: string;
  name: string;
  created: number;
  creator: string;
  tags: Record<string, string>;
  defaultVersion: number;
  versions: Version[];
};

export type LaunchTemplates = ReturnType<typeof launchTemplates>;

/** The emulator forgets parts of a template (security groups of its interfaces, for one), so we keep them ourselves. */
export function launchTemplates(now: () => number) {
  const all = new Map<string, LaunchTemplate>();

  function find(specification: Parameters): LaunchTemplate {
    const id = text(specification["LaunchTemplateId"]);
    const name = text(specification["LaunchTemplateName"]);
    const found = [...all.values()].find((t) => (id === undefined ? t.name === name : t.id === id));
    if (found !== undefined) return found;
    if (id !== undefined)
      throw new AwsError(
        "InvalidLaunchTemplateId.NotFound",
        `The specified launch template, with template ID ${id}, does not exist.`,
      );
    throw new AwsError(
      "InvalidLaunchTemplateName.NotFoundException",
      `The specified launch template, with template name ${name ?? ""}, does not exist.`,
    );
  }

  function version(template: LaunchTemplate, wanted: string | undefined): Version {
    const number =
      wanted === "$Latest"
        ? template.versions.length
        : wanted === undefined || wanted === "$Default"
          ? template.defaultVersion
          : Number(wanted);
    const found = template.versions.find((v) => v.number === number);
    if (found === undefined)
      throw new AwsError(
        "InvalidLaunchTemplateId.VersionNotFound",
        `Could not find the specified version ${wanted ?? ""} for the launch template with ID ${template.id}.`,
      );
    return found;
  }

  const handlers: Handlers = {
    async CreateLaunchTemplate({ request, principal }) {
      const name = text(request.parameters["LaunchTemplateName"]) ?? "";
      if (!/^[a-zA-Z0-9()./_-]{3,128}$/.test(name))
        throw new AwsError(
          "InvalidLaunchTemplateName.MalformedException",
          "The launch template name is malformed.",
        );
      if ([...all.values()].some((t) => t.name === name))
        throw new AwsError(
          "InvalidLaunchTemplateName.AlreadyExistsException",
          "Launch template name already in use.",
        );
      const data = record(request.parameters["LaunchTemplateData"]);
      const template: LaunchTemplate = {
        id: `lt-0${randomBytes(8).toString("hex")}`,
        name,
        created: now(),
        creator: principal.callerArn,
        tags: specifiedTags(request.parameters["TagSpecification"], "launch-template"),
        defaultVersion: 1,
        versions: [
          {
            number: 1,
            created: now(),
            description: text(request.parameters["VersionDescription"]) ?? "",
            data: checked(data),
            creator: principal.callerArn,
          },
        ],
      };
      all.set(template.id, template);
      return ec2Answer(request.action, { launchTemplate: templateXml(template) });
    },
    async CreateLaunchTemplateVersion({ request, principal }) {
      const template = find(request.parameters);
      const source = text(request.parameters["SourceVersion"]);
      const base = source === undefined ? {} : version(template, source).data;
      const made: Version = {
        number: template.versions.length + 1,
        created: now(),
        description: text(request.parameters["VersionDescription"]) ?? "",
        data: checked({ ...base, ...record(request.parameters["LaunchTemplateData"]) }),
        creator: principal.callerArn,
      };
      template.versions.push(made);
      return ec2Answer(request.action, { launchTemplateVersion: versionXml(template, made) });
    },
    async ModifyLaunchTemplate({ request }) {
      const template = find(request.parameters);
      const wanted = text(request.parameters["SetDefaultVersion"] ?? request.parameters["DefaultVersion"]);
      if (wanted !== undefined) template.defaultVersion = version(template, wanted).number;
      return ec2Answer(request.action, { launchTemplate: templateXml(template) });
    },
    async DeleteLaunchTemplate({ request }) {
      const template = find(request.parameters);
      all.delete(template.id);
      return ec2Answer(request.action, { launchTemplate: templateXml(template) });
    },
    async DescribeLaunchTemplates({ request }) {
      const ids = texts(request.parameters["LaunchTemplateId"]);
      const names = texts(request.parameters["LaunchTemplateName"]);
      const named = [
        ...ids.map((LaunchTemplateId) => find({ LaunchTemplateId })),
        ...names.map((LaunchTemplateName) => find({ LaunchTemplateName })),
      ];
      const found = (ids.length + names.length > 0 ? named : [...all.values()]).filter((t) =>
        list(request.parameters["Filter"])
          .map(record)
          .every((f) => passes(t, text(f["Name"]) ?? "", texts(f["Value"]))),
      );
      return ec2Answer(request.action, { launchTemplates: items(found.map(templateXml)) });
    },
    async DescribeLaunchTemplateVersions({ request }) {
      const template = find(request.parameters);
      const wanted = texts(request.parameters["LaunchTemplateVersion"]);
      const found = wanted.length > 0 ? wanted.map((v) => version(template, v)) : template.versions;
      return ec2Answer(request.action, {
        launchTemplateVersionSet: items(found.map((v) => versionXml(template, v))),
      });
    },
  };

  return {
    handlers,
    find,
    version,
    get: (id: string): LaunchTemplate | undefined => all.get(id),
    list: (): LaunchTemplate[] => [...all.values()],
  };
}

export function specifiedTags(specifications: Value, resourceType: string): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const specification of list(specifications).map(record))
    if (text(specification["ResourceType"]) === resourceType)
      Object.assign(tags, tagsOf(specification["Tag"]));
  return tags;
}

export function tagsXml(tags: Record<string, string>): Xml {
  return items(Object.entries(tags).map(([key, value]) => ({ key, value })));
}

/** Refused by EC2 when the template is made, not when it is used. */
function checked(data: Parameters): Parameters {
  const userData = text(data["UserData"]);
  if (userData !== undefined && Buffer.from(userData, "base64").length > 16384)
    throw new AwsError("InvalidUserData.Malformed", "User data is limited to 16384 bytes");
  const groups = list(data["SecurityGroupId"]).length + list(data["SecurityGroup"]).length;
  if (groups > 0 && list(data["NetworkInterface"]).length > 0)
    throw new AwsError(
      "InvalidParameterCombination",
      "Network interfaces and instance-level security groups may not be specified on the same request",
    );
  return data;
}

function passes(template: LaunchTemplate, name: string, values: string[]): boolean {
  if (name.startsWith("tag:")) return values.includes(template.tags[name.slice(4)] ?? "\0");
  if (name === "tag-key") return values.some((key) => key in template.tags);
  if (name === "launch-template-name") return values.includes(template.name);
  throw new AwsError("InvalidParameterValue", `The filter '${name}' is invalid`);
}

function templateXml(template: LaunchTemplate): Xml {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    createTime: iso(template.created),
    createdBy: template.creator,
    defaultVersionNumber: template.defaultVersion,
    latestVersionNumber: template.versions.length,
    tagSet: tagsXml(template.tags),
  };
}

function versionXml(template: LaunchTemplate, version: Version): Xml {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    versionNumber: version.number,
    versionDescription: version.description,
    createTime: iso(version.created),
    createdBy: version.creator,
    defaultVersion: version.number === template.defaultVersion,
    launchTemplateData: dataXml(version.data),
  };
}

/** The answer's names are the request's with a small first letter, lists with `Set` behind. */
function dataXml(data: Parameters): Xml {
  const out: Record<string, Xml> = {};
  for (const [name, value] of Object.entries(data)) {
    const lower = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    if (Array.isArray(value)) {
      const entries = value.map((entry: Value) =>
        typeof entry === "object" ? dataXml(record(entry)) : text(entry),
      );
      out[name === "Groups" ? "groupSet" : `${lower}Set`] = items(entries);
    } else out[lower] = typeof value === "object" ? dataXml(record(value)) : text(value);
  }
  // An interface lists its groups as groupSet/groupId, whatever the request called them.
  for (const entry of list(data["NetworkInterface"]).map(record)) {
    const groups = texts(entry["SecurityGroupId"] ?? entry["Groups"]);
    const rendered = (out["networkInterfaceSet"] as { item: Xml[] }).item;
    const at = list(data["NetworkInterface"]).indexOf(entry);
    const { securityGroupIdSet: _, ...rest } = rendered[at] as Record<string, Xml>;
    rendered[at] = { ...rest, groupSet: { groupId: groups } };
  }
  return out;
}

export function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
