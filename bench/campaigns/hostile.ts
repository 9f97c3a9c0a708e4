import type { Credentials } from "../../sandbox/cloud/ports.ts";
import { S3_AS_ROLE } from "./s3-as-role.ts";
import type { AccountWorld } from "./account-world.ts";
import { ANNEX } from "./pool.ts";
import { objectRequest, queryRequest, signedRequest, type SignedAnswer } from "./signed-request.ts";

/** What hostile calls need to know of an annex that is set up and has an instance. */
export type Target = {
  readonly bucket: string;
  readonly template: { readonly id: string; readonly version: string };
  readonly imageId: string;
  readonly subnetId: string;
  readonly instanceId: string;
};

/** A call that a Deny statement is there for; it must be refused with it and must succeed without it. */
export type Hostile = {
  readonly statement: string;
  readonly what: string;
  attempt(world: AccountWorld, target: Target): Promise<SignedAnswer>;
};

type Form = Readonly<Record<string, string>>;

const TAGS = {
  "htcondor:LeaseExpiration": "4102444800",
  "htcondor:AnnexName": ANNEX,
  "htcondor:Pool": "pool.test",
};

const DECLARED: Form = {
  "MetadataOptions.HttpTokens": "required",
  "MetadataOptions.HttpPutResponseHopLimit": "1",
};

/** A launch as it should be, without those tags, as a dry run. */
function launch(target: Target, changes: Form, without: readonly string[] = [], templated = true): Form {
  const tags = Object.entries(TAGS).filter(([key]) => !without.includes(key));
  return {
    Action: "RunInstances",
    DryRun: "true",
    MinCount: "1",
    MaxCount: "1",
    ImageId: target.imageId,
    SubnetId: target.subnetId,
    InstanceType: "m5.large",
    ...(templated && {
      "LaunchTemplate.LaunchTemplateId": target.template.id,
      "LaunchTemplate.Version": target.template.version,
    }),
    "TagSpecification.1.ResourceType": "instance",
    ...Object.fromEntries(
      tags.flatMap(([key, value], i) => [
        [`TagSpecification.1.Tag.${i + 1}.Key`, key],
        [`TagSpecification.1.Tag.${i + 1}.Value`, value],
      ]),
    ),
    ...changes,
  };
}

const ec2 = (world: AccountWorld, who: Credentials, form: Form): Promise<SignedAnswer> =>
  signedRequest(world.sandbox, who, queryRequest("ec2", form));

const launching = (sid: string, what: string, form: (target: Target) => Form): Hostile => ({
  statement: `HookPolicy/${sid}`,
  what,
  attempt: (world, target) => ec2(world, world.intruder, form(target)),
});

/** Every Deny of the templates has its call here. */
export const HOSTILE: readonly Hostile[] = [
  launching("DenyLaunchWithoutLease", "a launch without a lease", (target) =>
    launch(target, {}, ["htcondor:LeaseExpiration"]),
  ),
  launching("DenyLaunchWithoutAnnex", "a launch without an annex", (target) =>
    launch(target, {}, ["htcondor:AnnexName"]),
  ),
  launching("DenyLaunchWithoutPool", "a launch without a pool", (target) =>
    launch(target, {}, ["htcondor:Pool"]),
  ),
  launching("DenyLaunchWithoutOurProfile", "a launch without our profile", (target) =>
    launch(target, DECLARED, [], false),
  ),
  launching("DenyLaunchWithImdsV1", "a launch with IMDSv1", (target) =>
    launch(target, { "MetadataOptions.HttpTokens": "optional" }),
  ),
  launching("DenyLaunchWithHops", "a launch with two hops to its metadata", (target) =>
    launch(target, { "MetadataOptions.HttpPutResponseHopLimit": "2" }),
  ),
  {
    statement: "bucket/CredentialsForNodesOnly",
    what: "an administrator reads the pool's credential",
    async attempt({ sandbox }, { bucket }) {
      const { objects = [] } = await sandbox.inventory();
      const path = objects.find((one) => one.includes(`/annexes/${ANNEX}/credential/`)) ?? `${bucket}/none`;
      return signedRequest(sandbox, await sandbox.administrator(), objectRequest("GET", path));
    },
  },
  {
    statement: "bucket/ClaimOnce",
    what: "somebody with the operator's policies overwrites the annex's owner",
    async attempt({ sandbox, intruder }, { bucket }) {
      const path = `${bucket}/annexes/${ANNEX}/owner`;
      const { body } = await signedRequest(sandbox, intruder, objectRequest("GET", path));
      return signedRequest(sandbox, intruder, objectRequest("PUT", path, body));
    },
  },
  {
    statement: "bucket/TlsOnly",
    what: "an object is read without TLS",
    async attempt({ sandbox, intruder }, { bucket }) {
      await sandbox.settings({ secureTransport: false });
      try {
        const path = `${bucket}/annexes/${ANNEX}/annex.ini`;
        return await signedRequest(sandbox, intruder, objectRequest("GET", path));
      } finally {
        await sandbox.settings({ secureTransport: true });
      }
    },
  },
  {
    statement: "topic/Tls",
    what: "a message is published without TLS",
    async attempt({ sandbox }) {
      const { accountId, region } = await sandbox.status();
      const TopicArn = `arn:aws:sns:${region}:${accountId}:updraft`;
      await sandbox.settings({ secureTransport: false });
      try {
        const form = { Action: "Publish", TopicArn, Message: "hostile" };
        return await signedRequest(sandbox, await sandbox.administrator(), queryRequest("sns", form));
      } finally {
        await sandbox.settings({ secureTransport: true });
      }
    },
  },
  {
    statement: "node/NothingFromImdsV1",
    what: "a node's role is used with credentials from IMDSv1",
    async attempt({ sandbox }, { bucket, instanceId }) {
      await sandbox.settings({ roleDelivery: "1.0" });
      try {
        const script = `${S3_AS_ROLE} s3 GET '${bucket}/annexes/${ANNEX}/annex.ini'; cat /tmp/s3.out`;
        const said = await sandbox.machine(instanceId).run(["sh", "-c", script]);
        const [status = "", ...body] = said.split("\n");
        return { status: Number(status), body: body.join("\n") };
      } finally {
        await sandbox.settings({ roleDelivery: "2.0" });
      }
    },
  },
];

/** Where the hostile calls aim: the annex as it stands, with its one instance. */
export async function target({ sandbox }: AccountWorld, imageId: string): Promise<Target> {
  const { buckets = [], "launch templates": templates = [] } = await sandbox.inventory();
  const [subnet] = await sandbox.subnets();
  const [instance] = (await sandbox.instances()).filter(({ state }) => state === "running");
  return {
    bucket: buckets[0] ?? "",
    template: { id: templates[0] ?? "", version: "1" },
    imageId,
    subnetId: subnet?.subnetId ?? "",
    instanceId: instance?.instanceId ?? "",
  };
}

/** Whether the call was let through: a dry run says so in its own way. */
export const passed = ({ status, body }: SignedAnswer): boolean =>
  status < 300 || body.includes("DryRunOperation");

/** How the call was refused, in AWS's words: code and message without what is encoded. */
export function refusalOf({ body }: SignedAnswer): string {
  const text = (tag: string): string => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(body)?.[1] ?? "";
  return `${text("Code")}: ${text("Message").replace(/ Encoded authorization failure message:.*/, "")}`;
}
