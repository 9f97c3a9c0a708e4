import { AwsError } from "../wire/error.ts";
import { list, record, text, texts, type Value } from "../wire/parameters.ts";
import type { Instance } from "./instance.ts";
import { stateCode } from "./instance.ts";
import { iso } from "./launch-templates.ts";

/** Values of an instance under each filter's name; a tag's own filters are apart. */
const FILTERS: Record<string, (i: Instance) => readonly (string | undefined)[]> = {
  architecture: () => ["x86_64"],
  "availability-zone": (i) => [i.subnet.zone],
  "client-token": (i) => [i.clientToken],
  "dns-name": () => [""],
  "iam-instance-profile.arn": (i) => [i.profile?.arn],
  "iam-instance-profile.id": (i) => [i.profile?.id],
  "image-id": (i) => [i.imageId],
  "instance-id": (i) => [i.instanceId],
  "instance-lifecycle": (i) => [i.market === "spot" ? "spot" : undefined],
  "instance-state-code": (i) => [String(stateCode(i.state))],
  "instance-state-name": (i) => [i.state],
  "instance-type": (i) => [i.instanceType],
  "instance.group-id": (i) => i.securityGroups.map((g) => g.groupId),
  "instance.group-name": (i) => i.securityGroups.map((g) => g.groupName),
  "key-name": (i) => [i.keyName],
  "launch-time": (i) => [iso(i.launched)],
  "private-dns-name": (i) => [i.hostName],
  "private-ip-address": (i) => [i.privateIp],
  "reservation-id": (i) => [i.reservationId],
  "subnet-id": (i) => [i.subnet.subnetId],
  "tag-key": (i) => Object.keys(i.tags),
  "tag-value": (i) => Object.values(i.tags),
  "vpc-id": (i) => [i.subnet.vpcId],
  "network-interface.subnet-id": (i) => [i.subnet.subnetId],
  "network-interface.vpc-id": (i) => [i.subnet.vpcId],
};

/** Values of one filter are alternatives, filters add up; `*` and `?` are wildcards. */
export function passing(filters: Value): (instance: Instance) => boolean {
  const tests = list(filters)
    .map(record)
    .map((filter) => {
      const name = text(filter["Name"]) ?? "";
      const wanted = texts(filter["Value"]);
      const values = name.startsWith("tag:")
        ? (i: Instance) => (Object.hasOwn(i.tags, name.slice(4)) ? [i.tags[name.slice(4)]] : [])
        : FILTERS[name];
      if (values === undefined)
        throw new AwsError("InvalidParameterValue", `The filter '${name}' is invalid`);
      if (wanted.length === 0 || wanted.length > 200)
        throw new AwsError("FilterLimitExceeded", `The filter '${name}' must have 1 to 200 values`);
      const patterns = wanted.map(filterPattern);
      return (i: Instance): boolean =>
        values(i).some((value) => value !== undefined && patterns.some((pattern) => pattern.test(value)));
    });
  return (instance) => tests.every((test) => test(instance));
}

/** `*` and `?` are wildcards unless a backslash stands before them. */
export function filterPattern(value: string): RegExp {
  const source = value.replace(/\\[^]|[^]/g, (part) => {
    if (part === "*") return "[^]*";
    if (part === "?") return "[^]";
    const literal = part.length === 2 ? part.charAt(1) : part;
    return literal.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  });
  return new RegExp(`^${source}$`);
}
