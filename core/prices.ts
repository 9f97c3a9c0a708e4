import { UpdraftError } from "./errors.ts";
import { partitionOf } from "./partition.ts";

/** What a region's list prices are, in USD. */
export type PriceBook = {
  readonly region: string;
  /** When they were read from AWS's price list: a day, or a time in UTC. */
  readonly date: string;
  readonly source: string;
  /** Per hour, by usage operation (`RunInstances` is plain Linux), then by instance type. */
  readonly onDemand: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Per GiB and month by EBS volume type; `TYPE-iops` and `TYPE-throughput` for what is provisioned beyond what is free. */
  readonly volumes: Readonly<Record<string, number>>;
  /** Per hour; undefined when the price list does not tell it. */
  readonly publicIpv4: number | undefined;
};

/** The prices that hold for a region: those that `prices --refresh` kept, else the embedded ones. */
export type Prices = (region: string) => Promise<PriceBook>;

/** The latest spot price of a type in a zone. */
export type SpotPrice = {
  readonly type: string;
  readonly zone: string;
  /** USD per hour. */
  readonly usd: number;
};

/** Spot prices of plain Linux, as far as EC2 has any of these types in these zones; no zones stand for all. */
export type SpotPrices = (types: readonly string[], zones: readonly string[]) => Promise<SpotPrice[]>;

/** Usage operation of an image without any platform fee. */
export const PLAIN_LINUX = "RunInstances";

const FORMAT = 1;

/** No list price is above it: one that is was misread. */
const MOST_USD = 100_000;

/** USD in decimal notation, as AWS writes prices; undefined for what cannot be a price: zero, a negative number, garbage. */
export function readUsd(value: unknown): number | undefined {
  const usd =
    typeof value === "string" && /^\d{1,9}(\.\d{1,12})?$/.test(value)
      ? Number(value)
      : typeof value === "number"
        ? value
        : Number.NaN;
  return usd > 0 && usd < MOST_USD ? usd : undefined;
}

export function formatPrices(books: readonly PriceBook[]): string {
  const regions = Object.fromEntries(books.map(({ region, ...book }) => [region, book]));
  return `${JSON.stringify({ format: FORMAT, regions })}\n`;
}

/** Reads what {@link formatPrices} wrote; a string is what is wrong with it. */
export function parsePrices(text: string): PriceBook[] | string {
  const found = record(json(text));
  if (found === undefined) return "it is not a JSON object";
  if (found["format"] !== FORMAT) {
    return `its format is ${JSON.stringify(found["format"])}, and this version reads ${FORMAT}`;
  }
  const regions = record(found["regions"]);
  if (regions === undefined) return "it names no regions";
  const books: PriceBook[] = [];
  for (const [region, value] of Object.entries(regions)) {
    const book = parseBook(region, value);
    if (typeof book === "string") return `${region}: ${book}`;
    books.push(book);
  }
  return books;
}

function parseBook(region: string, value: unknown): PriceBook | string {
  const book = record(value);
  const { date, source, publicIpv4 } = book ?? {};
  const operations = record(book?.["onDemand"]);
  const volumes = record(book?.["volumes"]);
  if (operations === undefined || volumes === undefined) return "it has no onDemand or no volumes";
  if (typeof date !== "string" || Number.isNaN(Date.parse(date))) return "its date is none";
  if (typeof source !== "string" || source === "") return "its source is missing";
  const onDemand: Record<string, Record<string, number>> = {};
  for (const [operation, types] of Object.entries(operations)) {
    const read = table(record(types) ?? {});
    if (typeof read === "string") return `on-demand price of ${read}`;
    onDemand[operation] = read;
  }
  const disks = table(volumes);
  if (typeof disks === "string") return `price of the volume type ${disks}`;
  const address = readUsd(publicIpv4);
  if (publicIpv4 !== undefined && address === undefined) {
    return `price of a public address is ${JSON.stringify(publicIpv4)}, which is no price`;
  }
  return { region, date, source, onDemand, volumes: disks, publicIpv4: address };
}

function table(values: Readonly<Record<string, unknown>>): Record<string, number> | string {
  const read: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    const usd = typeof value === "number" ? readUsd(value) : undefined;
    if (usd === undefined) return `${name} is ${JSON.stringify(value)}, which is no price`;
    read[name] = usd;
  }
  return read;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** No region's list price of a volume or an address is higher than so many times that of us-east-1. */
export const ELSEWHERE = 2.5;

/**
 * The book of a region. Where nobody has read a price list, no on-demand price is known, and disks and addresses count
 * with more than they cost anywhere.
 */
export function bookOf(
  region: string,
  kept: readonly PriceBook[],
  embedded: readonly PriceBook[],
): PriceBook {
  const found = [...kept, ...embedded].find((book) => book.region === region);
  if (found !== undefined) return found;
  const [reference] = embedded;
  if (reference === undefined) throw new Error("the embedded catalogue is empty");
  return {
    region,
    date: reference.date,
    source: `${ELSEWHERE} times ${reference.source} of ${reference.region}`,
    onDemand: {},
    volumes: Object.fromEntries(
      Object.entries(reference.volumes).map(([type, usd]) => [type, usd * ELSEWHERE]),
    ),
    publicIpv4: reference.publicIpv4 === undefined ? undefined : reference.publicIpv4 * ELSEWHERE,
  };
}

/** Region whose price list API tells the prices of another, by partition. */
export function priceListRegion(region: string): string {
  const found = partitionOf(region).priceListRegion;
  if (found !== undefined) return found;
  throw new UpdraftError(
    "config",
    `the partition of ${region} has no price list API`,
    "Set the annex's _MAX_PRICE: then no on-demand price is needed.",
  );
}
