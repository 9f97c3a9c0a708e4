import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import type { Handlers } from "../service.ts";
import { ec2Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { list, record, tagsOf, text, texts } from "../wire/parameters.ts";
import { items } from "../wire/xml.ts";
import { filterPattern } from "./filters.ts";
import type { Instances } from "./instances.ts";
import type { LaunchTemplates } from "./launch-templates.ts";

const MOST_TAGS = 50;

/** Tags of instances and templates are ours, of everything else the emulator's. */
export function tagActions(world: {
  instances: Instances;
  templates: LaunchTemplates;
  moto: EC2Client;
}): Handlers {
  const { instances, templates, moto } = world;

  /** Live records of our own things, all or nothing; the ids that are the emulator's. */
  function targets(ids: readonly string[]): { own: Record<string, string>[]; theirs: string[] } {
    const own: Record<string, string>[] = instances
      .named(ids.filter((id) => id.startsWith("i-")))
      .map((i) => i.tags);
    for (const id of ids.filter((id) => id.startsWith("lt-")))
      own.push(templates.find({ LaunchTemplateId: id }).tags);
    return { own, theirs: ids.filter((id) => !id.startsWith("i-") && !id.startsWith("lt-")) };
  }

  return {
    async CreateTags({ request }) {
      const tags = tagsOf(request.parameters["Tag"]);
      const { own, theirs } = targets(texts(request.parameters["ResourceId"]));
      for (const [key, value] of Object.entries(tags)) {
        if (key.startsWith("aws:"))
          throw new AwsError(
            "InvalidParameterValue",
            "Tag keys starting with 'aws:' are reserved for internal use",
          );
        if (key === "" || key.length > 128 || value.length > 256)
          throw new AwsError("InvalidParameterValue", `Tag '${key}' is empty or longer than allowed`);
      }
      for (const record of own)
        if (Object.keys({ ...record, ...tags }).filter((key) => !key.startsWith("aws:")).length > MOST_TAGS)
          throw new AwsError("TagLimitExceeded", `The maximum number of tags is ${MOST_TAGS}.`);
      if (theirs.length > 0)
        await moto.send(
          new CreateTagsCommand({
            Resources: theirs,
            Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
          }),
        );
      for (const record of own) Object.assign(record, tags);
      return ec2Answer(request.action, { return: true });
    },
    /** Of instances, launch templates and security groups; the emulator would tell those of groups that are gone, too. */
    async DescribeTags({ request }) {
      const wanted = list(request.parameters["Filter"]).map(record);
      const { SecurityGroups: groups = [] } = await moto.send(new DescribeSecurityGroupsCommand({}));
      const owned = [
        ...instances.visible().map((i) => ({ id: i.instanceId, type: "instance", tags: i.tags })),
        ...templates.list().map((t) => ({ id: t.id, type: "launch-template", tags: t.tags })),
      ];
      const rows = [
        ...owned.flatMap(({ id, type, tags }) =>
          Object.entries(tags).map(([key, value]) => ({ resourceId: id, resourceType: type, key, value })),
        ),
        ...groups.flatMap(({ GroupId = "", Tags = [] }) =>
          Tags.map(({ Key = "", Value = "" }) => ({
            resourceId: GroupId,
            resourceType: "security-group",
            key: Key,
            value: Value,
          })),
        ),
      ];
      const found = rows.filter((row) =>
        wanted.every((filter) => {
          const given = valueOf(row, text(filter["Name"]) ?? "");
          return texts(filter["Value"]).some((pattern) => filterPattern(pattern).test(given));
        }),
      );
      return ec2Answer(request.action, { tagSet: items(found) });
    },
    async DeleteTags({ request }) {
      const { own, theirs } = targets(texts(request.parameters["ResourceId"]));
      const doomed = list(request.parameters["Tag"]).map(record);
      if (theirs.length > 0)
        await moto.send(
          new DeleteTagsCommand({
            Resources: theirs,
            Tags: doomed.map((t) => ({ Key: text(t["Key"]), Value: text(t["Value"]) })),
          }),
        );
      for (const tags of own)
        for (const tag of doomed) {
          const key = text(tag["Key"]) ?? "";
          const value = text(tag["Value"]);
          if (value === undefined || tags[key] === value) delete tags[key];
        }
      return ec2Answer(request.action, { return: true });
    },
  };
}

type Row = { resourceId: string; resourceType: string; key: string; value: string };

function valueOf(row: Row, name: string): string {
  switch (name) {
    case "resource-id":
      return row.resourceId;
    case "resource-type":
      return row.resourceType;
    case "key":
      return row.key;
    case "value":
      return row.value;
    default:
      throw new AwsError("InvalidParameterValue", `The filter '${name}' is invalid`);
  }
}
