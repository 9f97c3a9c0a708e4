import { UpdraftError } from "./errors.ts";
import { checkSubnets } from "./plan-order.ts";
import { knobName, type AnnexKnobs } from "./knobs.ts";
import type { Bucket, CloudFormation, Ec2, Ec2Ground, Iam, Stack, Storage } from "./ports.ts";
import type { Site } from "./site.ts";
import { removeStack, type RemovalPorts } from "./stack-removal.ts";
import {
  ACCOUNT_STACK,
  NO_BOUNDARY,
  accountSetup,
  annexStack,
  checkPool,
  isUseless,
  templateBody,
  type AccountSetup,
} from "./stacks.ts";
import { programKey } from "./storage.ts";

export type AccountTerms = {
  readonly region: string;
  /** ARN of a permissions boundary for every role made. */
  readonly boundary: string | undefined;
  readonly maxLeaseSeconds: number | undefined;
  readonly alarmEmail: string | undefined;
};

export type AccountSetupPorts = RemovalPorts & {
  readonly cloudFormation: CloudFormation;
  bucket(name: string, account: string): Bucket;
  account(): Promise<string>;
};

/** Makes or updates the account's stack. What is not given stays as it is. */
export async function setUpAccount(
  ports: AccountSetupPorts,
  terms: AccountTerms,
  template: object,
): Promise<{ changed: boolean; setup: AccountSetup }> {
  const body = templateBody(template);
  const existing = await readyForSetUp(ports, ACCOUNT_STACK);
  await checkBucket(ports, existing?.outputs["Bucket"], terms.region);
  const before = existing?.parameters ?? {};
  ports.report(`stack ${ACCOUNT_STACK} in ${terms.region}: bucket, lease enforcer, alarm, policies`);
  const changed = await ports.cloudFormation.deploy(ACCOUNT_STACK, body, {
    PermissionsBoundary: terms.boundary ?? before["PermissionsBoundary"] ?? NO_BOUNDARY,
    ...(terms.maxLeaseSeconds !== undefined
      ? { MaxLeaseSeconds: String(terms.maxLeaseSeconds) }
      : before["MaxLeaseSeconds"] !== undefined && { MaxLeaseSeconds: before["MaxLeaseSeconds"] }),
    AlarmEmail: terms.alarmEmail ?? before["AlarmEmail"] ?? "",
  });
  return {
    changed,
    setup: accountSetup(await ports.cloudFormation.stack(ACCOUNT_STACK), terms.region),
  };
}

/** The stack as it stands once nothing is under way in it; one that never came to be, or half went, is removed first. */
async function readyForSetUp(ports: AccountSetupPorts, name: string): Promise<Stack | undefined> {
  const stack = await ports.cloudFormation.settled(name);
  if (stack === undefined || !isUseless(stack)) return stack;
  ports.report(`stack ${name} is ${stack.status}: it is deleted and made again`);
  await removeStack(ports, name);
  // What was chosen before is chosen still.
  return { ...stack, outputs: {} };
}

/** CloudFormation does not notice that somebody has deleted the bucket, and would say that nothing has to change. */
async function checkBucket(
  ports: AccountSetupPorts,
  bucket: string | undefined,
  region: string,
): Promise<void> {
  if (bucket === undefined || (await ports.bucket(bucket, await ports.account()).exists())) return;
  throw new UpdraftError(
    "config",
    `the bucket ${bucket} of the stack ${ACCOUNT_STACK} is gone: somebody has deleted it`,
    `Tear down every annex (updraft teardown --annex NAME) and the region (updraft teardown --region ${region}), then set them up again.`,
  );
}

export type AnnexSetupPorts = AccountSetupPorts & {
  readonly ec2: Pick<Ec2, "subnets">;
  readonly ground: Pick<Ec2Ground, "keyPair">;
  readonly iam: Pick<Iam, "spotRole" | "createSpotRole">;
  storage(bucket: string, account: string): Storage;
  /** The AMI behind the annex's image: the id itself, or what the SSM parameter holds. */
  imageId(image: string): Promise<string>;
};

export type AnnexTerms = {
  readonly boundary: string | undefined;
  /** The node's executable and its sha256. */
  readonly program: { readonly bytes: Uint8Array; readonly sha256: string };
  template(p: { bucket: string; programSha256: string }): object;
};

/** Uploads the node's executable and makes or updates the annex's stack. */
export async function setUpAnnex(
  ports: AnnexSetupPorts,
  annex: AnnexKnobs,
  site: Site,
  terms: AnnexTerms,
): Promise<{ changed: boolean; uploaded: boolean; bucket: string; userPolicy?: string }> {
  const name = annexStack(annex.name);
  const { bucket } = accountSetup(await ports.cloudFormation.stack(ACCOUNT_STACK), annex.region);
  await checkBucket(ports, bucket, annex.region);
  const found = await ports.cloudFormation.settled(name);
  if (found !== undefined) checkPool(found, annex.name, site.pool);
  const subnets = await ports.ec2.subnets(annex.subnets);
  checkSubnets(subnets, annex);
  await checkKeyPair(ports, annex);
  const imageId = await ports.imageId(annex.image);
  const body = templateBody(terms.template({ bucket, programSha256: terms.program.sha256 }));

  const storage = ports.storage(bucket, await ports.account());
  const key = programKey(terms.program.sha256);
  const uploaded = !(await storage.has(key));
  if (uploaded) {
    ports.report(`uploading the node's program (${Math.ceil(terms.program.bytes.length / 1e6)} MB)`);
    await storage.put(key, terms.program.bytes);
  }
  if (annex.purchase !== "on-demand") await provideSpotRole(ports);
  const existing = await readyForSetUp(ports, name);
  ports.report(`stack ${name} in ${annex.region}: role, security group, launch templates, policy for users`);
  const changed = await ports.cloudFormation.deploy(name, body, {
    PermissionsBoundary: terms.boundary ?? existing?.parameters["PermissionsBoundary"] ?? NO_BOUNDARY,
    Annex: annex.name,
    Pool: site.pool,
    Bucket: bucket,
    VpcId: subnets[0]?.vpcId ?? "",
    PublicIp: String(annex.publicIp),
    KeyName: annex.keyName ?? "",
    ImageId: imageId,
    InstanceTypes: annex.instanceTypes.join(","),
  });
  const userPolicy = (await ports.cloudFormation.stack(name))?.outputs["UserPolicy"];
  return { changed, uploaded, bucket, ...(userPolicy !== undefined && { userPolicy }) };
}

/** A launch template takes any name, and then nothing can be launched from it. */
async function checkKeyPair(ports: AnnexSetupPorts, annex: AnnexKnobs): Promise<void> {
  if (annex.keyName === undefined || (await ports.ground.keyPair(annex.keyName))) return;
  throw new UpdraftError(
    "config",
    `there is no key pair ${annex.keyName} in ${annex.region}`,
    `Correct ${knobName(annex.name, "KEY_NAME")}, import the key into that region, or leave the knob out.`,
  );
}

/** Not in the stack: it is one for the account, and others may have made it or need it after us. */
async function provideSpotRole(ports: AnnexSetupPorts): Promise<void> {
  if (await ports.iam.spotRole()) return;
  if (await ports.iam.createSpotRole()) ports.report("made EC2's service-linked role for spot instances");
}
