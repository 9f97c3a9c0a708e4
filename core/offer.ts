import type { Market } from "./order.ts";
import { PLAIN_LINUX, type PriceBook, type SpotPrice } from "./prices.ts";

/** What an instance of a type costs in a zone and market, in USD per hour. */
export type Offer = {
  readonly type: string;
  readonly zone: string;
  readonly market: Market;
  readonly usd: number;
};

/** Every offer that is known, type by type, zone by zone; of on-demand, what an image of this usage operation costs. */
export function offers(
  types: readonly string[],
  zones: readonly string[],
  book: PriceBook,
  spot: readonly SpotPrice[],
  operation: string = PLAIN_LINUX,
): Offer[] {
  return types.flatMap((type) =>
    zones.flatMap((zone) => {
      const onDemand = book.onDemand[operation]?.[type];
      const latest = spot.find((price) => price.type === type && price.zone === zone);
      return [
        ...(onDemand === undefined ? [] : [{ type, zone, market: "on-demand" as const, usd: onDemand }]),
        ...(latest === undefined ? [] : [{ type, zone, market: "spot" as const, usd: latest.usd }]),
      ];
    }),
  );
}

/**
 * What an instance is expected to cost per hour: the least on-demand price, which EC2 chooses; of spot, the mean of the
 * offers that the maximum price admits, because EC2 weighs price against capacity. Undefined when there is none.
 */
export function expectedPrice(
  found: readonly Offer[],
  market: Market,
  maxPrice: number | undefined,
): number | undefined {
  const prices = found
    .filter((offer) => offer.market === market && offer.usd <= (maxPrice ?? Number.POSITIVE_INFINITY))
    .map((offer) => offer.usd);
  if (prices.length === 0) return undefined;
  return market === "on-demand"
    ? Math.min(...prices)
    : prices.reduce((sum, usd) => sum + usd, 0) / prices.length;
}

/** A table's cells, heading first: a row for each type and zone. */
export function priceTable(found: readonly Offer[]): string[][] {
  const places = Map.groupBy(found, ({ type, zone }) => `${type} ${zone}`);
  const price = (of: readonly Offer[], market: Market): string =>
    of.find((offer) => offer.market === market)?.usd.toFixed(4) ?? "-";
  return [
    ["TYPE", "ZONE", "ON-DEMAND", "SPOT"],
    ...[...places.values()].map((of) => [
      of[0]?.type ?? "",
      of[0]?.zone ?? "",
      price(of, "on-demand"),
      price(of, "spot"),
    ]),
  ];
}
