import { UpdraftError } from "./errors.ts";
import { hourlyPrice, totalPrice } from "./hourly-price.ts";
import type { Instance } from "./instance.ts";
import { orderTags, requestOf, type JournalEntry } from "./journal.ts";
import { knobName, type AnnexKnobs } from "./knobs.ts";
import { UNREADABLE_LEASE_SECONDS, leaseExpiration } from "./lease.ts";
import type { Ec2, Image } from "./ports.ts";
import type { PriceBook, Prices } from "./prices.ts";
import type { Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** How long after its lease an instance may still cost: the time within which one of its three ends has ended it. */
export const LEASE_MARGIN_SECONDS = 120;

/** Instances that cost until their lease's end. */
export type Commitment = {
  /** Undefined for those that EC2 does not show yet. */
  readonly instanceId: string | undefined;
  readonly count: number;
  readonly until: UnixTime;
  /** USD per hour of each, at most. */
  readonly hourly: number;
};

/** Instances of an order that count as placed though EC2 does not show them. */
export type PendingOrder = { readonly entry: JournalEntry; readonly unseen: number };

/** What is known of everything ordered, at one moment. */
export type Known = {
  readonly at: UnixTime;
  readonly instances: readonly Instance[];
  readonly pending: readonly PendingOrder[];
};

/** What prices are made of. */
export type Pricing = {
  readonly annex: AnnexKnobs;
  readonly book: PriceBook;
  /** The annex's image; it also stands for one that is there no more. */
  readonly image: Image;
  readonly images: ReadonlyMap<string, Image>;
  readonly maxLeaseSeconds: number;
};

export type PricingPorts = {
  readonly ec2: Pick<Ec2, "image">;
  readonly prices: Prices;
};

/** The images and prices that it takes to price these instances and an order of this image. */
export async function findPricing(
  ports: PricingPorts,
  annex: AnnexKnobs,
  image: Image,
  maxLeaseSeconds: number,
  instances: readonly Instance[],
): Promise<Pricing> {
  const others = new Set(instances.filter(isBilled).map((one) => one.imageId));
  others.delete(image.id);
  const [book, ...found] = await Promise.all([
    ports.prices(annex.region),
    ...[...others].map((id) => ports.ec2.image(id)),
  ]);
  const images = new Map([image, ...found].flatMap((one) => (one === undefined ? [] : [[one.id, one]])));
  return { annex, book, image, images, maxLeaseSeconds };
}

/** EC2 bills neither what is shutting down nor what is terminated. */
const isBilled = (instance: Instance): boolean =>
  instance.state !== "shutting-down" && instance.state !== "terminated";

/** Everything that is ordered and has not ended. Throws when a price is not known. */
export function commitments(pricing: Pricing, known: Known): Commitment[] {
  const until = (tags: Tags): UnixTime =>
    leaseExpiration(tags, known.at, pricing.maxLeaseSeconds) ?? known.at + UNREADABLE_LEASE_SECONDS;
  const hourly = (imageId: string, types: readonly string[]): number => {
    const image = pricing.images.get(imageId) ?? pricing.image;
    return totalPrice(hourlyPrice(pricing.annex, image, types, pricing.book));
  };
  return [
    ...known.instances.filter(isBilled).map((one) => ({
      instanceId: one.id,
      count: 1,
      until: until(one.tags),
      hourly: hourly(one.imageId, [one.type]),
    })),
    ...known.pending.map(({ entry, unseen }) => {
      const request = requestOf(entry);
      const overrides = request.LaunchTemplateConfigs.flatMap((config) => config.Overrides);
      const types = overrides.map((override) => override.InstanceType);
      return {
        instanceId: undefined,
        count: unseen,
        until: until(orderTags(entry)),
        hourly: hourly(overrides[0]?.ImageId ?? "", types),
      };
    }),
  ];
}

/** USD that these may still cost: Σ (lease end − now + 120 s) × price. One that is past its lease costs the 120 s. */
export function liability(committed: readonly Commitment[], now: UnixTime): number {
  return committed.reduce(
    (sum, { count, until, hourly }) => sum + count * hoursLeft(until - now) * hourly,
    0,
  );
}

const hoursLeft = (seconds: number): number => (Math.max(0, seconds) + LEASE_MARGIN_SECONDS) / 3600;

/** USD per hour of all that lives. */
export function hourlyCost(committed: readonly Commitment[]): number {
  return committed.reduce((sum, { count, hourly }) => sum + count * hourly, 0);
}

/** `hourly` is USD of each instance, at most. */
export type NewOrder = { readonly count: number; readonly leaseSeconds: number; readonly hourly: number };
export type Renewal = { readonly instanceIds: readonly string[]; readonly leaseExpiration: UnixTime };
/** What shall be done. */
export type Change = NewOrder | Renewal;

/** All in USD. */
export type Liability = {
  readonly before: number;
  readonly after: number;
  /** `_MAX_LIABILITY`. */
  readonly limit: number | undefined;
  /** Per hour, after the change. */
  readonly hourly: number;
};

export function liabilityAfter(pricing: Pricing, known: Known, change: Change): Liability {
  const before = commitments(pricing, known);
  const after = "count" in change ? [...before, ordered(change, known.at)] : renewed(before, change);
  return {
    before: liability(before, known.at),
    after: liability(after, known.at),
    limit: pricing.annex.maxLiability,
    hourly: hourlyCost(after),
  };
}

function ordered({ count, leaseSeconds, hourly }: NewOrder, now: UnixTime): Commitment {
  return { instanceId: undefined, count, until: now + leaseSeconds, hourly };
}

function renewed(before: readonly Commitment[], change: Renewal): Commitment[] {
  const ids = new Set(change.instanceIds);
  return before.map((one) =>
    one.instanceId !== undefined && ids.has(one.instanceId) ? { ...one, until: change.leaseExpiration } : one,
  );
}

/** A hundred-millionth of a dollar is binary noise. */
const NOISE = 1e-8;

/** Throws, with the sum, when the change would exceed `_MAX_LIABILITY`; what lowers the liability may always be done. */
export function checkLiability(pricing: Pricing, known: Known, change: Change): Liability {
  const result = liabilityAfter(pricing, known, change);
  const { before, after, limit } = result;
  if (limit === undefined || after <= limit + NOISE || after <= before) return result;
  const knob = knobName(pricing.annex.name, "MAX_LIABILITY");
  const what = "count" in change ? `${change.count} more` : `the renewal of ${change.instanceIds.length}`;
  throw new UpdraftError(
    "capacity",
    `all that is ordered could then cost ${usd(after)} USD until its leases end: ${usd(before)} for what there is ` +
      `and ${usd(after - before)} for ${what}; ${knob} allows ${usd(limit)}`,
    `Ask for fewer or for a shorter lease, end instances, or raise ${knob}.`,
  );
}

/** How many instances may still be ordered for so long at this price. */
export function affordable(
  pricing: Pricing,
  known: Known,
  { leaseSeconds, hourly }: Omit<NewOrder, "count">,
): number {
  const { maxLiability } = pricing.annex;
  if (maxLiability === undefined) return Number.POSITIVE_INFINITY;
  const left = maxLiability - liability(commitments(pricing, known), known.at);
  return Math.max(0, Math.floor((left + NOISE / 2) / (hoursLeft(leaseSeconds) * hourly)));
}

/** An amount for people: in cents, or finer where that would hide it. */
export function usd(amount: number): string {
  return amount.toFixed(amount > 0 && amount < 1 ? 4 : 2);
}
