import { UpdraftError } from "./errors.ts";
import { knobName, type AnnexKnobs } from "./knobs.ts";
import type { Image, Volume } from "./ports.ts";
import { PLAIN_LINUX, type PriceBook } from "./prices.ts";

/** What an instance costs per hour at most, in USD. */
export type HourlyPrice = {
  readonly instance: number;
  readonly disk: number;
  readonly address: number;
  /** Where the instance's price is from, in words. */
  readonly source: string;
};

export const totalPrice = (price: HourlyPrice): number => price.instance + price.disk + price.address;

/** AWS bills a GiB-month by the hours that the month has; 730 is what it calculates with itself. */
const HOURS_OF_MONTH = 730;

/** What comes with a gp3 volume at no further price. */
const FREE = { "gp3-iops": 3000, "gp3-throughput": 125 } as const;

/**
 * The price of an instance of the dearest of these types: `_MAX_PRICE`, else on-demand. Throws when a part of it is not
 * known: nothing counts as 0.
 */
export function hourlyPrice(
  annex: AnnexKnobs,
  image: Image,
  types: readonly string[],
  book: PriceBook,
): HourlyPrice {
  return {
    ...instancePrice(annex, image, types, book),
    disk: diskPrice(annex, image, book),
    address: addressPrice(annex, book),
  };
}

function instancePrice(
  annex: AnnexKnobs,
  image: Image,
  types: readonly string[],
  book: PriceBook,
): Pick<HourlyPrice, "instance" | "source"> {
  const knob = knobName(annex.name, "MAX_PRICE");
  if (annex.maxPrice !== undefined) return { instance: annex.maxPrice, source: knob };
  if (image.marketplace) {
    throw new UpdraftError(
      "config",
      `the image ${image.id} has a product of the AWS Marketplace in it, whose fee is not known`,
      `Set ${knob} to the most that an instance may cost per hour with its fee.`,
    );
  }
  let dearest: HourlyPrice["instance"] = 0;
  let which = "";
  for (const type of types) {
    const usd = book.onDemand[image.usageOperation]?.[type];
    if (usd === undefined) {
      const platform =
        image.usageOperation === PLAIN_LINUX ? "" : ` with ${image.platform} (${image.usageOperation})`;
      throw new UpdraftError(
        "config",
        `the price of ${type}${platform} in ${annex.region} is not known`,
        `Run: updraft prices --annex ${annex.name} --refresh, or set ${knob} to the most that an instance may cost per hour.`,
      );
    }
    if (usd > dearest) {
      dearest = usd;
      which = type;
    }
  }
  return { instance: dearest, source: `on-demand price of ${which}, ${book.source} of ${book.date}` };
}

function diskPrice(annex: AnnexKnobs, image: Image, book: PriceBook): number {
  const price = (what: string): number => {
    const usd = book.volumes[what];
    if (usd !== undefined) return usd;
    throw new UpdraftError(
      "config",
      `the price of ${what}, which the image ${image.id} has, is not known in ${annex.region}`,
      `Run: updraft prices --annex ${annex.name} --refresh, or make the image with a volume of type gp3.`,
    );
  };
  const size = ({ gib, type }: Volume): number => {
    if (gib !== undefined && gib > 0) return gib;
    throw new UpdraftError(
      "config",
      `EC2 does not tell the size of the volume of type ${type} that the image ${image.id} has`,
      "Make the image anew with a snapshot that has a size.",
    );
  };
  const beyond = (what: string, provisioned: number | undefined): number => {
    const charged = (provisioned ?? 0) - (FREE[what as keyof typeof FREE] ?? 0);
    return charged > 0 ? charged * price(what) : 0;
  };
  const ofMonth = image.volumes.reduce(
    (sum, volume) =>
      sum +
      size(volume) * price(volume.type) +
      beyond(`${volume.type}-iops`, FREE_OF_CHARGE.has(volume.type) ? 0 : volume.iops) +
      beyond(`${volume.type}-throughput`, volume.throughput),
    0,
  );
  return ofMonth / HOURS_OF_MONTH;
}

/** What these types do, their size pays for; EC2 tells IOPS of gp2 all the same. */
const FREE_OF_CHARGE: ReadonlySet<string> = new Set(["gp2", "sc1", "st1", "standard"]);

function addressPrice(annex: AnnexKnobs, book: PriceBook): number {
  if (!annex.publicIp) return 0;
  if (book.publicIpv4 !== undefined) return book.publicIpv4;
  throw new UpdraftError(
    "config",
    `the price of a public address in ${annex.region} is not known`,
    `Run: updraft prices --annex ${annex.name} --refresh, or set ${knobName(annex.name, "PUBLIC_IP")} = false.`,
  );
}
