import { checkSubnets } from "./plan-order.ts";
import type { AnnexKnobs } from "./knobs.ts";
import type { CloudFormation, Ec2, Report, Storage } from "./ports.ts";
import type { Site } from "./site.ts";
import {
  ACCOUNT_STACK,
  NO_BOUNDARY,
  accountSetup,
  annexStack,
  checkPool,
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

/** Makes or updates the account's stack. What is not given stays as it is. */
export async function setUpAccount(
  ports: { readonly cloudFormation: CloudFormation; readonly report: Report },
  terms: AccountTerms,
  template: object,
): Promise<{ changed: boolean; setup: AccountSetup }> {
  const body = templateBody(template);
  const before = (await ports.cloudFormation.stack(ACCOUNT_STACK))?.parameters ?? {};
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

export type AnnexSetupPorts = {
  readonly cloudFormation: CloudFormation;
  readonly ec2: Pick<Ec2, "subnets">;
  storage(bucket: string, account: string): Storage;
  account(): Promise<string>;
  /** The AMI behind the annex's image: the id itself, or what the SSM parameter holds. */
  imageId(image: string): Promise<string>;
  readonly report: Report;
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
  const existing = await ports.cloudFormation.stack(name);
  if (existing !== undefined) checkPool(existing, annex.name, site.pool);
  const subnets = await ports.ec2.subnets(annex.subnets);
  checkSubnets(subnets, annex);
  const imageId = await ports.imageId(annex.image);
  const body = templateBody(terms.template({ bucket, programSha256: terms.program.sha256 }));

  const storage = ports.storage(bucket, await ports.account());
  const key = programKey(terms.program.sha256);
  const uploaded = !(await storage.has(key));
  if (uploaded) {
    ports.report(`uploading the node's program (${Math.ceil(terms.program.bytes.length / 1e6)} MB)`);
    await storage.put(key, terms.program.bytes);
  }
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
