import { UpdraftError } from "./errors.ts";
import { counted } from "./plural.ts";
import type { Instance, Owner } from "./instance.ts";
import type { Journal } from "./journal.ts";
import { knobName, type AnnexKnobs, type Knobs } from "./knobs.ts";
import { checkOwner } from "./owner.ts";
import { settleJournal } from "./place-orders.ts";
import type {
  Attachment,
  Bucket,
  Clock,
  CloudFormation,
  Ec2,
  Ec2Ground,
  Iam,
  Report,
  Stack,
  StackResource,
  Storage,
  TaggedResource,
} from "./ports.ts";
import type { Site } from "./site.ts";
import { removeStack } from "./stack-removal.ts";
import { ACCOUNT_STACK, ANNEX_STACK_PREFIX, ENFORCER_NAME, annexStack, checkPool } from "./stacks.ts";
import { annexPrefix, ownerKey } from "./storage.ts";

export type TeardownPorts = {
  readonly clock: Clock;
  readonly cloudFormation: CloudFormation;
  readonly ec2: Pick<Ec2, "instances" | "liveInstances">;
  readonly ground: Ec2Ground;
  readonly iam: Iam;
  storage(bucket: string, account: string): Storage;
  bucket(name: string, account: string): Bucket;
  /** False when there is no such rule. */
  disableRule(name: string): Promise<boolean>;
  account(): Promise<string>;
  readonly report: Report;
};

const GONE = ["DELETE_COMPLETE", "DELETE_SKIPPED"];

/** What a teardown will take away. */
export type TeardownPlan = {
  readonly stack: string;
  readonly region: string;
  /** A stack may exist that has nothing: one that was rolled back. */
  readonly exists: boolean;
  /** Of the stack; empty when there is none. */
  readonly resources: readonly StackResource[];
  /** Whoever has a policy of the stack. */
  readonly attachments: readonly Attachment[];
  readonly account: string;
  /** Undefined when there is none, or none any more. */
  readonly bucket: string | undefined;
  /** Objects to remove one by one, the claim last; of a whole bucket nobody counts them before. */
  readonly keys: readonly string[];
};

export type Removed = {
  readonly attachments: readonly Attachment[];
  readonly objects: number;
  readonly resources: readonly StackResource[];
};

/** Whether there is anything to take away. */
export function isEmpty(plan: TeardownPlan): boolean {
  return !plan.exists && plan.keys.length === 0;
}

/** The plan as a person reads it before saying yes. */
export function describeTeardown(plan: TeardownPlan): string[] {
  const { stack, region, exists, resources, attachments, bucket, keys } = plan;
  if (isEmpty(plan)) return [`there is no stack ${stack} in ${region}, and nothing else of it`];
  return [
    !exists
      ? `there is no stack ${stack} in ${region} any more`
      : `stack ${stack} in ${region}: ${resources.length} resources`,
    ...attachments.map(
      ({ policy, kind, name }) => `detached: ${policyName(policy)} from the ${kind} ${name}`,
    ),
    ...(keys.length > 0 ? [`removed: ${keys.length} objects of ${bucket ?? ""}`] : []),
    ...(stack === ACCOUNT_STACK && bucket !== undefined
      ? [`removed: the bucket ${bucket}, whatever it holds`]
      : []),
  ];
}

const policyName = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);

/** Refuses while a hook may order for the annex: what it ordered would have nothing to end it but its lease. */
export function refuseOrdering(annex: AnnexKnobs, knobs: Knobs): void {
  if (annex.mode !== "act" || knobs.stop) return;
  const mode = knobName(annex.name, "MODE");
  throw new UpdraftError(
    "config",
    `the hook may order for annex ${annex.name}: ${mode} is act`,
    `Set ${mode} = advise, or UPDRAFT_STOP = true, then run the same command again.`,
  );
}

function refuseLive(live: readonly Instance[], what: string, remedy: string): void {
  if (live.length === 0) return;
  const ids = live.slice(0, 5).map((one) => one.id);
  throw new UpdraftError(
    "denied",
    `${what} still has ${live.length} instances: ${ids.join(", ")}${live.length > 5 ? ", …" : ""}`,
    remedy,
  );
}

/** What there is to undo of an annex. Refuses another pool's, one whose instances live, and one that may still get some. */
export async function planTearDownAnnex(
  ports: TeardownPorts & { readonly journal: Journal },
  annex: string,
  region: string,
  site: Site,
): Promise<TeardownPlan> {
  const name = annexStack(annex);
  const stack = await ports.cloudFormation.settled(name);
  if (stack !== undefined) checkPool(stack, annex, site.pool);
  const account = await ports.account();
  const bucket = await bucketOf(ports, account);
  const storage = bucket === undefined ? undefined : ports.storage(bucket, account);
  const owner: Owner = { annex, pool: site.pool, schedd: site.schedd };
  const claim = await storage?.get(ownerKey(annex));
  if (claim !== undefined) checkOwner(new TextDecoder().decode(claim), { ...owner, account, region });
  refuseLive(
    await ports.ec2.liveInstances(annex),
    `annex ${annex}`,
    "End them with --terminate or with `updraft delete`, then run the same command again.",
  );
  const { unseen } = await settleJournal(ports, owner, region);
  if (unseen > 0) {
    throw new UpdraftError(
      "denied",
      `${unseen} instances of orders whose outcome is not known may still appear for annex ${annex}`,
      "Run the same command again in ten minutes.",
    );
  }
  const resources = await resourcesOf(ports, name, stack);
  const objects = (await storage?.list(annexPrefix(annex))) ?? [];
  const reports = (await storage?.list(`reports/${annex}/`)) ?? [];
  const keys = [...objects, ...reports].map((object) => object.key);
  const claimed = (key: string): number => (key === ownerKey(annex) ? 1 : 0);
  return {
    stack: name,
    region,
    exists: stack !== undefined,
    resources,
    attachments: await attachmentsOf(ports, resources),
    account,
    bucket,
    keys: keys.sort((a, b) => claimed(a) - claimed(b)),
  };
}

/** What there is to undo of the account in a region. Refuses while an annex or an instance is left there. */
export async function planTearDownAccount(ports: TeardownPorts, region: string): Promise<TeardownPlan> {
  refuseLive(
    await ports.ec2.liveInstances(undefined),
    `${region} of this account`,
    "Delete the annexes with `updraft delete`, then run the same command again.",
  );
  const annexes = await ports.cloudFormation.names(ANNEX_STACK_PREFIX);
  if (annexes.length > 0) {
    throw new UpdraftError(
      "denied",
      `${region} of this account still has the stacks ${annexes.join(", ")}`,
      "Tear those annexes down first with `updraft teardown --annex NAME`.",
    );
  }
  const stack = await ports.cloudFormation.settled(ACCOUNT_STACK);
  const resources = await resourcesOf(ports, ACCOUNT_STACK, stack);
  const account = await ports.account();
  return {
    stack: ACCOUNT_STACK,
    region,
    exists: stack !== undefined,
    resources,
    attachments: await attachmentsOf(ports, resources),
    account,
    bucket: await bucketOf(ports, account),
    keys: [],
  };
}

/** What is still there of what a stack has made. */
async function resourcesOf(
  ports: TeardownPorts,
  name: string,
  stack: Stack | undefined,
): Promise<StackResource[]> {
  if (stack === undefined) return [];
  const all = await ports.cloudFormation.resources(name);
  return all.filter(({ status }) => !GONE.includes(status));
}

/** The account's bucket; undefined when the stack has none or somebody has deleted it. */
async function bucketOf(ports: TeardownPorts, account: string): Promise<string | undefined> {
  if ((await ports.cloudFormation.stack(ACCOUNT_STACK)) === undefined) return undefined;
  const resources = await ports.cloudFormation.resources(ACCOUNT_STACK);
  const name = resources.find(({ type }) => type === "AWS::S3::Bucket")?.id ?? "";
  if (name === "") return undefined;
  if (await ports.bucket(name, account).exists()) return name;
  ports.report(`the bucket ${name} is gone already`);
  return undefined;
}

async function attachmentsOf(
  ports: TeardownPorts,
  resources: readonly StackResource[],
): Promise<Attachment[]> {
  const policies = resources.filter(({ type, id }) => type === "AWS::IAM::ManagedPolicy" && id !== "");
  return (await Promise.all(policies.map(({ id }) => ports.iam.attachments(id)))).flat();
}

/** Undoes the set-up of an annex: its objects, the attachments of its policies, its stack. */
export async function tearDownAnnex(ports: TeardownPorts, plan: TeardownPlan): Promise<Removed> {
  for (const attachment of plan.attachments) await ports.iam.detach(attachment);
  if (plan.bucket !== undefined) {
    const storage = ports.storage(plan.bucket, plan.account);
    await storage.remove(plan.keys.slice(0, -1));
    await storage.remove(plan.keys.slice(-1));
  }
  return {
    attachments: plan.attachments,
    objects: plan.keys.length,
    resources: await deleteStack(ports, plan),
  };
}

/** Undoes the set-up of the account in a region: the schedule first, or the enforcer would write into the empty bucket. */
export async function tearDownAccount(ports: TeardownPorts, plan: TeardownPlan): Promise<Removed> {
  let objects = 0;
  const empty = async (name: string): Promise<void> => {
    const count = await ports.bucket(name, plan.account).empty();
    if (count > 0) ports.report(`emptied the bucket ${name} (${counted(count, "object")})`);
    objects += count;
  };
  if (plan.exists) await ports.disableRule(ENFORCER_NAME);
  for (const attachment of plan.attachments) await ports.iam.detach(attachment);
  if (plan.bucket !== undefined) await empty(plan.bucket);
  const resources = await deleteStack(ports, plan, empty);
  return { attachments: plan.attachments, objects, resources };
}

async function deleteStack(
  ports: TeardownPorts,
  { stack, exists }: TeardownPlan,
  emptyBucket?: (bucket: string) => Promise<void>,
): Promise<readonly StackResource[]> {
  if (!exists) return [];
  ports.report(`deleting the stack ${stack}`);
  return removeStack(ports, stack, emptyBucket);
}

export type Proof = {
  /** What was looked for and not found, in words. */
  readonly gone: readonly string[];
  /** What should not be there any more. */
  readonly left: readonly TaggedResource[];
  /** What is left on purpose. */
  readonly kept: readonly string[];
};

/** Made by setup, and left: whatever else the account does with spot instances needs it too. */
export const SPOT_ROLE = "AWSServiceRoleForEC2Spot";

/** Looks whether anything is left, asking each service rather than believing what was done. `annex`: of one annex only. */
export async function proveGone(
  ports: TeardownPorts,
  plan: TeardownPlan,
  removed: Removed,
  annex: string | undefined,
): Promise<Proof> {
  // What CloudFormation has skipped is what it could not find.
  const remaining = removed.resources.filter(({ status }) => !GONE.includes(status));
  const policies = plan.resources.filter(({ type }) => type === "AWS::IAM::ManagedPolicy");
  const attached = (await Promise.all(policies.map(({ id }) => ports.iam.attachments(id)))).flat();
  const stack = await ports.cloudFormation.stack(plan.stack);
  const bucket =
    annex === undefined &&
    plan.bucket !== undefined &&
    (await ports.bucket(plan.bucket, plan.account).exists())
      ? plan.bucket
      : undefined;
  const objects =
    annex === undefined || plan.bucket === undefined
      ? []
      : await ports.storage(plan.bucket, plan.account).list(annexPrefix(annex));
  const live = await ports.ec2.liveInstances(annex);
  const left: TaggedResource[] = [
    ...(stack === undefined ? [] : [{ type: "stack", id: plan.stack }]),
    ...live.map(({ id }) => ({ type: "instance", id })),
    ...(await ports.ground.tagged(annex)),
    ...(bucket === undefined ? [] : [{ type: "bucket", id: bucket }]),
    ...objects.map(({ key }) => ({ type: "object", id: key })),
    ...attached.map(({ policy, kind, name }) => ({ type: "attachment", id: `${policy} of ${kind} ${name}` })),
    ...remaining.map(({ type, id, reason }) => ({ type, id: `${id}${reason === "" ? "" : ` (${reason})`}` })),
  ];
  return {
    gone: [
      `stack ${plan.stack}`,
      ...removed.resources
        .filter(({ status }) => GONE.includes(status))
        .map(({ type, id }) => `${type} ${id}`),
      annex === undefined
        ? "anything of EC2 with an annex's tag"
        : `anything of EC2 with the tag of annex ${annex}`,
    ],
    left,
    kept: annex === undefined && (await ports.iam.spotRole()) ? [SPOT_ROLE] : [],
  };
}
