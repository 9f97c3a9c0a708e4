import { UpdraftError } from "./errors.ts";
import { readUsd, type PriceBook } from "./prices.ts";
import type { UnixTime } from "./time.ts";

/** Products of AWS's price list, each as the JSON text in which AWS gives it; every page of the answer. */
export type PriceList = (serviceCode: string, filters: Readonly<Record<string, string>>) => Promise<string[]>;

export type FetchedBook = {
  readonly book: PriceBook;
  /** What could not be believed, and why; such a type has no price. */
  readonly refused: ReadonlyMap<string, string>;
};

export const PRICE_LIST = "AWS price list";

/** Reads a region's prices. `known` fills in what the price list does not tell: prices of IOPS and throughput. */
export async function fetchBook(
  priceList: PriceList,
  region: string,
  operations: readonly string[],
  known: PriceBook,
  now: UnixTime,
): Promise<FetchedBook> {
  const refused = new Map<string, string>();
  const onDemand: Record<string, Record<string, number>> = {};
  for (const operation of operations) {
    const products = await priceList("AmazonEC2", {
      regionCode: region,
      operation,
      tenancy: "Shared",
      capacitystatus: "Used",
      marketoption: "OnDemand",
    });
    onDemand[operation] = dearest(products, (product) => product.attribute("instanceType"), "Hrs", refused);
    if (Object.keys(onDemand[operation]).length === 0) {
      throw new UpdraftError(
        "failed",
        `AWS's price list has no usable on-demand price of ${operation} in ${region}${firstOf(refused)}`,
        "The prices that were known stay; check the region, and try again later.",
      );
    }
  }
  const storage = await priceList("AmazonEC2", { regionCode: region, productFamily: "Storage" });
  const address = dearest(
    await priceList("AmazonVPC", { regionCode: region }),
    (product) => (product.attribute("usagetype")?.endsWith("PublicIPv4:InUseAddress") ? ADDRESS : undefined),
    "Hrs",
    refused,
  );
  const volumes = dearest(storage, (product) => product.attribute("volumeApiName"), "GB-Mo", refused);
  return {
    book: {
      region,
      date: new Date(now * 1000).toISOString().replace(/\.\d+Z$/, "Z"),
      source: PRICE_LIST,
      onDemand,
      volumes: { ...known.volumes, ...volumes },
      publicIpv4: address[ADDRESS],
    },
    refused,
  };
}

const ADDRESS = "public IPv4 address";

function firstOf(refused: ReadonlyMap<string, string>): string {
  const [first] = refused;
  return first === undefined ? "" : `: ${first[0]}: ${first[1]}`;
}

/** The price of everything that has a name; where one has several, the highest. What is refused once stays without. */
function dearest(
  products: readonly string[],
  name: (product: Product) => string | undefined,
  unit: string,
  refused: Map<string, string>,
): Record<string, number> {
  const prices: Record<string, number> = {};
  for (const text of products) {
    const product = parseProduct(text);
    const named = product === undefined ? undefined : name(product);
    if (product === undefined || named === undefined) continue;
    const usd = product.price(unit);
    if (typeof usd === "string") refused.set(named, usd);
    else prices[named] = Math.max(usd, prices[named] ?? 0);
  }
  return Object.fromEntries(Object.entries(prices).filter(([named]) => !refused.has(named)));
}

type Product = {
  attribute(name: string): string | undefined;
  /** USD per unit; a string is why there is none that can be believed. */
  price(unit: string): number | string;
};

type Dimension = { readonly unit?: unknown; readonly pricePerUnit?: Readonly<Record<string, unknown>> };
type Term = { readonly priceDimensions?: Readonly<Record<string, Dimension>> };
type Listed = {
  readonly product?: { readonly attributes?: Readonly<Record<string, unknown>> };
  readonly terms?: { readonly OnDemand?: Readonly<Record<string, Term>> };
};

/** Undefined for what is not a product at all. */
function parseProduct(text: string): Product | undefined {
  let listed: Listed;
  try {
    listed = JSON.parse(text) as Listed;
  } catch {
    return undefined;
  }
  const attributes = listed?.product?.attributes;
  if (attributes === undefined) return undefined;
  return {
    attribute(name) {
      const value = attributes[name];
      return typeof value === "string" ? value : undefined;
    },
    price(unit) {
      const dimensions = Object.values(listed.terms?.OnDemand ?? {}).flatMap((term) =>
        Object.values(term.priceDimensions ?? {}),
      );
      if (dimensions.length === 0) return "it has no on-demand price";
      const prices: number[] = [];
      for (const dimension of dimensions) {
        if (dimension.unit !== unit) return `its price is per ${String(dimension.unit)}, not per ${unit}`;
        const told = dimension.pricePerUnit?.["USD"];
        if (told === undefined) {
          return `its price is in ${Object.keys(dimension.pricePerUnit ?? {}).join(", ") || "no currency"}, not in USD`;
        }
        const usd = readUsd(told);
        if (usd === undefined) return `its price is ${JSON.stringify(told)}, which is no price`;
        prices.push(usd);
      }
      return Math.max(...prices);
    },
  };
}
