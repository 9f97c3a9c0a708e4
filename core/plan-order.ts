import { UpdraftError } from "./errors.ts";
import { hourlyPrice, type HourlyPrice } from "./hourly-price.ts";
import { isLive, isOurs } from "./instance.ts";
import { knobName, type AnnexKnobs } from "./knobs.ts";
import { findPricing, type Pricing } from "./liability.ts";
import type { Ec2, Image, InstanceTypeFacts, Subnet } from "./ports.ts";
import type { Prices, SpotPrice, SpotPrices } from "./prices.ts";
import type { Ground } from "./publish.ts";

export type PlanPorts = {
  readonly ec2: Pick<Ec2, "instances" | "subnets" | "instanceTypes" | "image">;
  readonly prices: Prices;
  readonly spotPrices: SpotPrices;
  /** The AMI behind the annex's image: the id itself, or what the SSM parameter holds. */
  imageId(image: string): Promise<string>;
};

export type OrderRequest = {
  readonly count: number;
  /** The lease, once the longest that the account allows is known. */
  leaseSeconds(maxLeaseSeconds: number): number;
  readonly idleSeconds: number;
  readonly instanceTypes: readonly string[];
  /** The option that named the types; the knob did when it is undefined. */
  readonly typesOption?: string | undefined;
  /** The person who orders. */
  readonly user: string;
  /** What it is ordered for, for the accounts; {@link parseProject} has read it. */
  readonly project?: string | undefined;
};

/** Everything that an order will be, decided before anything is done. */
export type OrderPlan = Ground & {
  readonly count: number;
  readonly leaseSeconds: number;
  readonly idleSeconds: number;
  readonly user: string;
  readonly project: string | undefined;
  readonly image: Image;
  readonly types: readonly InstanceTypeFacts[];
  readonly subnets: readonly Subnet[];
  readonly alreadyLive: number;
  readonly pricing: Pricing;
  /** Of the dearest of the types. */
  readonly price: HourlyPrice;
  /** Spot prices now; empty when the order is on-demand, or when EC2 did not tell them. */
  readonly spot: readonly SpotPrice[];
};

/** Checks everything that can be checked without ordering. */
export async function planOrder(ports: PlanPorts, ground: Ground, request: OrderRequest): Promise<OrderPlan> {
  const { annex, owner } = ground;
  const leaseSeconds = request.leaseSeconds(ground.accountSetup.maxLeaseSeconds);
  const [subnets, types, imageId] = await Promise.all([
    findSubnets(ports.ec2, annex),
    findTypes(ports.ec2, request.instanceTypes, annex, request.typesOption),
    ports.imageId(annex.image),
  ]);
  const image = await launchable(ports.ec2, annex, imageId);
  const live = (await ports.ec2.instances(owner)).filter((one) => isOurs(one, owner) && isLive(one));
  const alreadyLive = live.length;
  checkRoom(annex, alreadyLive, request.count);
  const [pricing, spot] = await Promise.all([
    findPricing(ports, annex, image, ground.accountSetup.maxLeaseSeconds, live),
    spotPricesNow(ports, annex, types, subnets),
  ]);
  return {
    ...ground,
    count: request.count,
    leaseSeconds,
    idleSeconds: request.idleSeconds,
    user: request.user,
    project: request.project,
    image,
    types,
    subnets,
    alreadyLive,
    pricing,
    price: hourlyPrice(
      annex,
      image,
      types.map(({ type }) => type),
      pricing.book,
    ),
    spot,
  };
}

/** The image, which must be there to be launched. */
export async function launchable(
  ec2: Pick<Ec2, "image">,
  annex: AnnexKnobs,
  imageId: string,
): Promise<Image> {
  const image = await ec2.image(imageId);
  if (image !== undefined) return image;
  throw new UpdraftError(
    "config",
    `there is no image ${imageId} in ${annex.region} that this account may launch`,
    `Set ${knobName(annex.name, "IMAGE_ID")} to an AMI of that region.`,
  );
}

/** What is only expected may be unknown: the limits do not go by it. */
async function spotPricesNow(
  ports: Pick<PlanPorts, "spotPrices">,
  annex: AnnexKnobs,
  types: readonly InstanceTypeFacts[],
  subnets: readonly Subnet[],
): Promise<readonly SpotPrice[]> {
  if (annex.purchase === "on-demand") return [];
  try {
    return await ports.spotPrices(
      types.map(({ type }) => type),
      subnets.map(({ zone }) => zone),
    );
  } catch (error) {
    if (error instanceof UpdraftError) return [];
    throw error;
  }
}

/** Throws when so many more would be too many. */
export function checkRoom(annex: AnnexKnobs, placed: number, count: number): void {
  if (placed + count <= annex.maxInstances) return;
  throw new UpdraftError(
    "usage",
    `${count} more would make ${placed + count} instances, and ` +
      `${knobName(annex.name, "MAX_INSTANCES")} allows ${annex.maxInstances}`,
    `Ask for at most ${Math.max(0, annex.maxInstances - placed)}, or raise that knob.`,
  );
}

async function findSubnets(ec2: Pick<Ec2, "subnets">, annex: AnnexKnobs): Promise<Subnet[]> {
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

export async function findTypes(
  ec2: Pick<Ec2, "instanceTypes">,
  asked: readonly string[],
  annex: AnnexKnobs,
  option?: string,
): Promise<InstanceTypeFacts[]> {
  const remedy = `Correct ${option ?? knobName(annex.name, "INSTANCE_TYPES")}.`;
  const found = await ec2.instanceTypes(asked).catch((error: unknown) => {
    // EC2 itself may name the type; only we know who gave it.
    if (!(error instanceof UpdraftError) || error.kind !== "config") throw error;
    throw new UpdraftError("config", error.message, remedy, error);
  });
  const missing = asked.find((type) => !found.some((facts) => facts.type === type));
  if (missing !== undefined) {
    throw new UpdraftError("config", `there is no instance type ${missing} in ${annex.region}`, remedy);
  }
  return asked.flatMap((type) => found.filter((facts) => facts.type === type));
}
