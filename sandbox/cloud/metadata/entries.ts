import { ACCOUNT, REGION } from "../service.ts";
import { publicIpOf, type Instance } from "../ec2/instance.ts";
import { iso } from "../ec2/launch-templates.ts";

export type RoleCredentials = {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  issued: number;
  expires: number;
};

/** Everything below /latest/ for one instance, by path; the listings follow from it. */
export function entries(
  instance: Instance,
  role: { name: string; credentials: () => RoleCredentials } | undefined,
  now: number,
): Map<string, () => string | Buffer> {
  const found = new Map<string, () => string | Buffer>();
  const text = (path: string, value: string): void => {
    found.set(path, () => value);
  };
  const meta = (path: string, value: string): void => text(`meta-data/${path}`, value);
  meta("ami-id", instance.imageId);
  meta("ami-launch-index", String(instance.index));
  meta("hostname", instance.hostName);
  meta("instance-action", "none");
  meta("instance-id", instance.instanceId);
  meta("instance-life-cycle", instance.market);
  meta("instance-type", instance.instanceType);
  meta("local-hostname", instance.hostName);
  meta("local-ipv4", instance.privateIp);
  meta("placement/availability-zone", instance.subnet.zone);
  meta("placement/region", REGION);
  const publicIp = publicIpOf(instance);
  if (publicIp !== undefined) meta("public-ipv4", publicIp);
  meta("reservation-id", instance.reservationId);
  meta("security-groups", instance.securityGroups.map((g) => g.groupName).join("\n"));
  meta("services/domain", "amazonaws.com");
  meta("services/partition", "aws");
  if (instance.metadata.instanceTags === "enabled")
    for (const [key, value] of Object.entries(instance.tags)) meta(`tags/instance/${key}`, value);
  if (instance.interruption !== undefined) {
    const time = `${new Date(instance.interruption * 1000).toISOString().slice(0, 19)}Z`;
    meta("spot/instance-action", JSON.stringify({ action: "terminate", time }));
    meta("spot/termination-time", time);
  }
  if (instance.rebalance !== undefined) {
    const noticeTime = `${iso(instance.rebalance).slice(0, 19)}Z`;
    meta("events/recommendations/rebalance", JSON.stringify({ noticeTime }));
  }
  if (instance.profile !== undefined && role !== undefined) {
    const { arn, id } = instance.profile;
    meta(
      "iam/info",
      json({ Code: "Success", LastUpdated: iso(now), InstanceProfileArn: arn, InstanceProfileId: id }),
    );
    found.set(`meta-data/iam/security-credentials/${role.name}`, () => {
      const { accessKeyId, secretAccessKey, sessionToken, issued, expires } = role.credentials();
      const answer = {
        Code: "Success",
        LastUpdated: iso(issued).replace(/\.\d+Z$/, "Z"),
        Type: "AWS-HMAC",
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: iso(expires).replace(/\.\d+Z$/, "Z"),
      };
      return json(answer);
    });
  }
  text(
    "dynamic/instance-identity/document",
    json({
      accountId: ACCOUNT,
      architecture: "x86_64",
      availabilityZone: instance.subnet.zone,
      imageId: instance.imageId,
      instanceId: instance.instanceId,
      instanceType: instance.instanceType,
      pendingTime: iso(instance.launched),
      privateIp: instance.privateIp,
      region: REGION,
      version: "2017-09-30",
    }),
  );
  const { userData } = instance;
  if (userData !== undefined) found.set("user-data", () => Buffer.from(userData, "base64"));
  return found;
}

/** As the service writes it, with a blank before each colon: there are shell scripts that count on it. */
const json = (answer: Readonly<Record<string, string>>): string =>
  JSON.stringify(answer, null, 2).replace(/^( +"\w+"):/gm, "$1 :");

/** What stands in a directory, as the service lists it; undefined when there is none. */
export function listing(paths: Iterable<string>, directory: string): string | undefined {
  const prefix = directory === "" || directory.endsWith("/") ? directory : `${directory}/`;
  const names = new Set<string>();
  for (const path of paths) {
    if (!path.startsWith(prefix)) continue;
    const rest = path.slice(prefix.length);
    const slash = rest.indexOf("/");
    names.add(slash < 0 ? rest : rest.slice(0, slash + 1));
  }
  return names.size === 0 ? undefined : [...names].sort().join("\n");
}
