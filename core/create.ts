import { ANNEX_CONFIG_FILE, annexConfig } from "./annex-config.ts";
import { UpdraftError } from "./errors.ts";
import {
  LATE_AFTER_SECONDS,
  counts,
  isLive,
  isOurs,
  join,
  type Instance,
  type Owner,
  type Seen,
  type Slot,
} from "./instance.ts";
import { knobName, type AnnexKnobs } from "./knobs.ts";
import { formatManifest, parseManifest, type Manifest } from "./manifest.ts";
import type { BootReport } from "./node-boot.ts";
import { order, type Market, type Order, type OrderTerms } from "./order.ts";
import { checkOwner, formatOwner } from "./owner.ts";
import type {
  Clock,
  CloudFormation,
  Ec2,
  FleetError,
  InstanceTypeFacts,
  Report,
  Slots,
  Storage,
  Subnet,
} from "./ports.ts";
import type { Site } from "./site.ts";
import {
  ACCOUNT_STACK,
  accountSetup,
  annexSetup,
  annexStack,
  type AccountSetup,
  type AnnexSetup,
} from "./stacks.ts";
import { annexPrefix, configKey, credentialKey, manifestKey, ownerKey, reportKey } from "./storage.ts";
import { TAG } from "./tags.ts";
import { formatDuration, type UnixTime } from "./time.ts";

export type CreatePorts = {
  readonly clock: Clock;
  readonly ec2: Ec2;
  readonly cloudFormation: Pick<CloudFormation, "stack">;
  storage(bucket: string, account: string): Storage;
  readonly slots: Slots;
  /** The AWS account of the credentials in use. */
  account(): Promise<string>;
  /** The AMI behind the annex's image: the id itself, or what the SSM parameter holds. */
  imageId(image: string): Promise<string>;
  /** The pool's credential as it is stored; it goes nowhere but into the bucket. */
  credential(): Promise<Uint8Array>;
  /** Files of the annex's own configuration directory, by name. */
  configFiles(): Promise<Readonly<Record<string, string>>>;
  archive(files: Readonly<Record<string, string>>): Uint8Array;
  sha256(bytes: Uint8Array): string;
  /** 16 lower-case letters or digits, never twice the same. */
  orderId(): string;
  readonly report: Report;
};

export type CreateRequest = {
  readonly count: number;
  /** The lease, once the longest that the account allows is known. */
  leaseSeconds(maxLeaseSeconds: number): number;
  readonly idleSeconds: number;
  readonly instanceTypes: readonly string[];
  /** The person who orders. */
  readonly user: string;
};

/** Everything that a create will do, decided before anything is done. */
export type CreatePlan = {
  readonly annex: AnnexKnobs;
  readonly site: Site;
  readonly owner: Owner;
  readonly account: string;
  readonly accountSetup: AccountSetup;
  readonly annexSetup: AnnexSetup;
  readonly count: number;
  readonly leaseSeconds: number;
  readonly idleSeconds: number;
  readonly user: string;
  readonly image: { readonly id: string; readonly name: string };
  readonly types: readonly InstanceTypeFacts[];
  readonly subnets: readonly Subnet[];
  readonly credential: Uint8Array;
  readonly configFiles: Readonly<Record<string, string>>;
  readonly alreadyLive: number;
};

/** Checks everything that can be checked without changing anything. */
export async function planCreate(
  ports: CreatePorts,
  annex: AnnexKnobs,
  site: Site,
  request: CreateRequest,
): Promise<CreatePlan> {
  if (annex.credential !== "password") {
    throw new UpdraftError(
      "config",
      `annex ${annex.name} asks for the credential ${annex.credential}, which this version cannot issue yet`,
      `Set ${knobName(annex.name, "CREDENTIAL")} = password.`,
    );
  }
  const credential = await ports.credential();
  const configFiles = checkConfigFiles(await ports.configFiles(), annex);
  const account = await ports.account();
  const owner: Owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
  const setUp = accountSetup(await ports.cloudFormation.stack(ACCOUNT_STACK), annex.region);
  const annexSetUp = annexSetup(
    await ports.cloudFormation.stack(annexStack(annex.name)),
    annex.name,
    site.pool,
  );
  const leaseSeconds = request.leaseSeconds(setUp.maxLeaseSeconds);
  const claim = await ports.storage(setUp.bucket, account).get(ownerKey(annex.name));
  if (claim !== undefined) {
    checkOwner(new TextDecoder().decode(claim), { ...owner, account, region: annex.region });
  }
  const subnets = await findSubnets(ports.ec2, annex);
  const types = await findTypes(ports.ec2, request.instanceTypes, annex);
  const imageId = await ports.imageId(annex.image);
  const image = await ports.ec2.image(imageId);
  if (image === undefined) {
    throw new UpdraftError(
      "config",
      `there is no image ${imageId} in ${annex.region} that this account may launch`,
      `Set ${knobName(annex.name, "IMAGE_ID")} to an AMI of that region.`,
    );
  }
  const alreadyLive = (await ports.ec2.instances(owner)).filter(
    (one) => isOurs(one, owner) && isLive(one),
  ).length;
  if (alreadyLive + request.count > annex.maxInstances) {
    throw new UpdraftError(
      "usage",
      `${request.count} more would make ${alreadyLive + request.count} instances, and ` +
        `${knobName(annex.name, "MAX_INSTANCES")} allows ${annex.maxInstances}`,
      `Ask for at most ${Math.max(0, annex.maxInstances - alreadyLive)}, or raise that knob.`,
    );
  }
  return {
    annex,
    site,
    owner,
    account,
    accountSetup: setUp,
    annexSetup: annexSetUp,
    count: request.count,
    leaseSeconds,
    idleSeconds: request.idleSeconds,
    user: request.user,
    image,
    types,
    subnets,
    credential,
    configFiles,
    alreadyLive,
  };
}

const CONFIG_FILE_NAME = /^[0-9A-Za-z._-]+\.config$/;

function checkConfigFiles(
  files: Readonly<Record<string, string>>,
  annex: AnnexKnobs,
): Readonly<Record<string, string>> {
  const wrong = Object.keys(files).find((name) => !CONFIG_FILE_NAME.test(name) || name === ANNEX_CONFIG_FILE);
  if (wrong === undefined) return files;
  throw new UpdraftError(
    "config",
    wrong === ANNEX_CONFIG_FILE
      ? `${wrong} is the name of a file that Updraft writes itself`
      : `${wrong} is not a name for a file in a node's config.d`,
    `Rename it in ${annex.configDirectory ?? "the directory"}: letters, digits, dots, hyphens, then .config.`,
  );
}

async function findSubnets(ec2: Ec2, annex: AnnexKnobs): Promise<Subnet[]> {
  const found = await ec2.subnets(annex.subnets);
  checkSubnets(found, annex);
  return found;
}

/** A fleet takes one subnet of a zone, and an annex has its security group in one VPC. */
export function checkSubnets(found: readonly Subnet[], annex: AnnexKnobs): void {
  const knob = knobName(annex.name, "SUBNETS");
  const missing = annex.subnets.find((id) => !found.some((subnet) => subnet.id === id));
  if (missing !== undefined) {
    throw new UpdraftError("config", `there is no subnet ${missing} in ${annex.region}`, `Correct ${knob}.`);
  }
  const vpcs = new Set(found.map((subnet) => subnet.vpcId));
  if (vpcs.size > 1) {
    throw new UpdraftError(
      "config",
      `${knob} names subnets of ${vpcs.size} VPCs`,
      "Name subnets of one VPC.",
    );
  }
  for (const subnet of found) {
    const twin = found.find((other) => other.id !== subnet.id && other.zone === subnet.zone);
    if (twin !== undefined) {
      throw new UpdraftError(
        "config",
        `${knob} names ${subnet.id} and ${twin.id}, both in zone ${subnet.zone}: EC2 takes one of a zone`,
        "Name one subnet of each zone.",
      );
    }
  }
}

async function findTypes(
  ec2: Ec2,
  asked: readonly string[],
  annex: AnnexKnobs,
): Promise<InstanceTypeFacts[]> {
  const found = await ec2.instanceTypes(asked);
  const missing = asked.find((type) => !found.some((facts) => facts.type === type));
  if (missing !== undefined) {
    throw new UpdraftError(
      "config",
      `there is no instance type ${missing} in ${annex.region}`,
      `Correct ${knobName(annex.name, "INSTANCE_TYPES")} or --type.`,
    );
  }
  return asked.flatMap((type) => found.filter((facts) => facts.type === type));
}

/** The plan as a person reads it before saying yes. */
export function describePlan(plan: CreatePlan, now: UnixTime): string[] {
  const { annex, site } = plan;
  const ends = new Date((now + plan.leaseSeconds) * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const priceKnob = knobName(annex.name, "MAX_PRICE");
  const hours = plan.leaseSeconds / 3600;
  return [
    `annex ${annex.name} of pool ${site.pool}, schedd ${site.schedd}, in account ${plan.account}, ${annex.region}`,
    `order: ${plan.count} × ${annex.purchase}, of ${plan.types.map((type) => type.type).join(", ")}`,
    `in: ${plan.subnets.map((subnet) => `${subnet.id} (${subnet.zone})`).join(", ")}`,
    `image: ${plan.image.id}${plan.image.name === "" ? "" : ` (${plan.image.name})`}`,
    `lease: ${formatDuration(plan.leaseSeconds)}, until ${ends}; ends sooner when idle for ${formatDuration(plan.idleSeconds)}`,
    `instances alive now: ${plan.alreadyLive} of at most ${annex.maxInstances}`,
    annex.maxPrice === undefined
      ? `worst case: not known, because ${priceKnob} is not set`
      : `worst case: ${plan.count} × ${hours.toFixed(2)} h × ${annex.maxPrice} USD = ` +
        `${(plan.count * hours * annex.maxPrice).toFixed(2)} USD (by ${priceKnob}; without disks, addresses and traffic)`,
  ];
}

/** Writes the annex's prefix: the owner first, what nodes fetch next, and the manifest, which names it, last. */
export async function writeAnnex(ports: CreatePorts, plan: CreatePlan): Promise<void> {
  const { annex, site, owner } = plan;
  const storage = ports.storage(plan.accountSetup.bucket, plan.account);
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

  const claim = { ...owner, account: plan.account, region: annex.region };
  if (!(await storage.putIfAbsent(ownerKey(annex.name), encode(formatOwner(claim))))) {
    checkOwner(
      new TextDecoder().decode((await storage.get(ownerKey(annex.name))) ?? new Uint8Array()),
      claim,
    );
  }

  const archive = ports.archive({ ...plan.configFiles, [ANNEX_CONFIG_FILE]: annexConfig(annex, site) });
  const manifest: Manifest = {
    annex: annex.name,
    pool: site.pool,
    collectors: site.collectors,
    maxLeaseSeconds: plan.accountSetup.maxLeaseSeconds,
    drainSeconds: annex.drainSeconds,
    configSha256: ports.sha256(archive),
    credential: { kind: annex.credential, sha256: ports.sha256(plan.credential) },
  };
  const text = formatManifest(manifest);
  const readBack = parseManifest(text);
  if (typeof readBack === "string") {
    throw new UpdraftError(
      "config",
      `a node could not read this annex's manifest: ${readBack}`,
      "Correct the knob that it names: COLLECTOR_HOST holds names or addresses, separated by commas.",
    );
  }
  await prune(storage, annex.name, ports.clock.now());
  await storage.put(configKey(annex.name, manifest.configSha256), archive);
  await storage.put(credentialKey(annex.name, manifest.credential.sha256), plan.credential);
  const stored = await storage.get(manifestKey(annex.name));
  // The manifest's age tells how long what it does not name has been replaced, so the same text is not written again.
  if (stored === undefined || new TextDecoder().decode(stored) !== text) {
    await storage.put(manifestKey(annex.name), encode(text));
  }
}

/** A replaced object lives on for an hour: a node that booted meanwhile may still be about to fetch it. */
const REPLACED_SECONDS = 3600;

async function prune(storage: Storage, annex: string, now: UnixTime): Promise<void> {
  const stored = await storage.get(manifestKey(annex));
  if (stored === undefined) return;
  const manifest = parseManifest(new TextDecoder().decode(stored));
  if (typeof manifest === "string") return;
  const objects = await storage.list(annexPrefix(annex));
  const written = objects.find((object) => object.key === manifestKey(annex))?.modified ?? now;
  if (now - written < REPLACED_SECONDS) return;
  const named = new Set([
    ownerKey(annex),
    manifestKey(annex),
    configKey(annex, manifest.configSha256),
    credentialKey(annex, manifest.credential.sha256),
  ]);
  await storage.remove(
    objects
      .filter((object) => !named.has(object.key) && now - object.modified >= REPLACED_SECONDS)
      .map((object) => object.key),
  );
}

export type Placed = {
  readonly order: Order;
  readonly instanceIds: readonly string[];
  readonly errors: readonly FleetError[];
};

/** Orders the plan's instances: one order, or spot and then on-demand for what spot did not give. */
export async function placeOrders(ports: CreatePorts, plan: CreatePlan): Promise<Placed[]> {
  const { purchase } = plan.annex;
  if (purchase !== "spot-then-on-demand") return [await placeOrder(ports, plan, purchase, plan.count)];
  const spot = await placeOrder(ports, plan, "spot", plan.count);
  const missing = plan.count - spot.instanceIds.length;
  if (missing <= 0) return [spot];
  ports.report(`spot gave ${spot.instanceIds.length} of ${plan.count}: ordering ${missing} on-demand`);
  return [spot, await placeOrder(ports, plan, "on-demand", missing)];
}

const UNKNOWN_ATTEMPTS = 4;
const UNKNOWN_PAUSE_SECONDS = 5;
const NEW_PROFILE_SECONDS = 120;
const NEW_PROFILE_PAUSE_SECONDS = 10;

async function placeOrder(
  ports: CreatePorts,
  plan: CreatePlan,
  market: Market,
  count: number,
): Promise<Placed> {
  const until = ports.clock.now() + NEW_PROFILE_SECONDS;
  for (;;) {
    const next = order(terms(plan, ports.orderId(), market, count, Math.floor(ports.clock.now())));
    ports.report(`order ${next.id}: ${count} × ${market}`);
    const placed = await send(ports, plan, next);
    // A new instance profile is not visible everywhere at once.
    const newProfile =
      placed.instanceIds.length === 0 &&
      placed.errors.length > 0 &&
      placed.errors.every((error) => /invalid iam instance profile/i.test(error.message));
    if (!newProfile || ports.clock.now() > until) return placed;
    ports.report("EC2 does not see the new instance profile yet: ordering again");
    await ports.clock.sleep(NEW_PROFILE_PAUSE_SECONDS);
  }
}

/** Sends the very same request, token included, until its outcome is known; then looks for the order's instances. */
async function send(ports: CreatePorts, plan: CreatePlan, placed: Order): Promise<Placed> {
  let reason = "";
  for (let attempt = 1; attempt <= UNKNOWN_ATTEMPTS; attempt++) {
    const result = await ports.ec2.createFleet(placed.request);
    if (result.outcome === "answered") {
      return { order: placed, instanceIds: result.instanceIds, errors: result.errors };
    }
    reason = result.reason;
    ports.report(`order ${placed.id}: the outcome is not known (${reason}); sending the same request again`);
    await ports.clock.sleep(UNKNOWN_PAUSE_SECONDS);
  }
  const instances = (await ours(ports, plan)).filter((one) => one.tags[TAG.order] === placed.id);
  if (instances.length > 0) {
    return { order: placed, instanceIds: instances.map((one) => one.id), errors: [] };
  }
  throw new UpdraftError(
    "failed",
    `nobody knows whether order ${placed.id} was placed: ${reason}`,
    `Look with \`updraft status ${plan.annex.name}\` before ordering again; what was launched ends with its lease.`,
  );
}

function terms(plan: CreatePlan, id: string, market: Market, count: number, now: UnixTime): OrderTerms {
  const { annex, site, annexSetup } = plan;
  return {
    id,
    annex: annex.name,
    pool: site.pool,
    schedd: site.schedd,
    owner: plan.user,
    market,
    count,
    orderedAt: now,
    leaseExpiration: now + plan.leaseSeconds,
    idleSeconds: plan.idleSeconds,
    maxPrice: annex.maxPrice,
    imageId: plan.image.id,
    subnets: plan.subnets.map((subnet) => subnet.id),
    types: plan.types,
    template: annexSetup.template,
    burstableTemplate: annexSetup.burstableTemplate,
    tags: annex.tags,
  };
}

async function ours(ports: CreatePorts, plan: CreatePlan): Promise<Instance[]> {
  return (await ports.ec2.instances(plan.owner)).filter((one) => isOurs(one, plan.owner));
}

/** Why a fleet gave fewer than were asked for, each reason once. */
export function fleetReasons(placed: readonly Placed[]): string[] {
  return [...new Set(placed.flatMap((one) => one.errors.map((error) => `${error.code}: ${error.message}`)))];
}

const WATCH_SECONDS = 3;

/** Shows instances ordered → running → joined until every one of the orders has joined or is gone, or time is up. */
export async function watch(
  ports: CreatePorts,
  plan: CreatePlan,
  placed: readonly Placed[],
  timeoutSeconds: number,
): Promise<Seen[]> {
  const ids = new Set(placed.flatMap((one) => one.instanceIds));
  const started = ports.clock.now();
  const seenOnce = new Set<string>();
  let shown = "";
  let slots: readonly Slot[] = [];
  for (;;) {
    const now = ports.clock.now();
    const instances = (await ours(ports, plan)).filter((one) => ids.has(one.id));
    for (const one of instances) seenOnce.add(one.id);
    try {
      slots = await ports.slots(plan.annex.name);
    } catch (error) {
      // The instances are ordered and go on without us: a collector that is away for a moment ends no waiting.
      if (!(error instanceof UpdraftError)) throw error;
      ports.report(`the collector does not answer: ${error.message}`);
    }
    const seen = join(instances, slots, now, LATE_AFTER_SECONDS);
    const line = progressLine(seen, ids.size - instances.length);
    if (line !== shown) ports.report(`${formatDuration(now - started)}: ${line}`);
    shown = line;
    const settled = seen.filter((one) =>
      ["joined", "claimed", "ending", "gone"].includes(one.progress),
    ).length;
    // EC2 forgets a terminated instance after a while: one that was seen and is not there any more is gone.
    const forgotten = [...seenOnce].filter((id) => !instances.some((one) => one.id === id)).length;
    if (settled + forgotten >= ids.size || now - started >= timeoutSeconds) return seen;
    await ports.clock.sleep(WATCH_SECONDS);
  }
}

function progressLine(seen: readonly Seen[], invisible: number): string {
  const count = counts(seen);
  const parts = [
    `${count.ordered + invisible} ordered`,
    `${count.running} running`,
    `${count.joined + count.claimed} joined`,
  ];
  if (count.late > 0) parts.push(`${count.late} late`);
  if (count.ending + count.gone > 0) parts.push(`${count.ending + count.gone} ended`);
  return parts.join(", ");
}

/** What an instance that could not boot wrote about it; undefined when it wrote nothing. */
export async function bootReport(
  ports: CreatePorts,
  plan: CreatePlan,
  instanceId: string,
): Promise<string | undefined> {
  const storage = ports.storage(plan.accountSetup.bucket, plan.account);
  const bytes = await storage.get(reportKey(plan.annex.name, `${plan.annexSetup.roleId}:${instanceId}`));
  return bytes === undefined ? undefined : reportLine(new TextDecoder().decode(bytes).trim());
}

/** A report on one line; what is none as it is. */
function reportLine(text: string): string {
  try {
    const { step, reason, remedy } = JSON.parse(text) as Partial<BootReport>;
    if (step !== undefined && reason !== undefined) return `${step}: ${reason}. ${remedy ?? ""}`.trim();
  } catch {
    // The node wrote it, and may have been cut off.
  }
  return text;
}
