import { knobName } from "./knobs.ts";
import { LEASE_MARGIN_SECONDS, usd, type Liability } from "./liability.ts";
import { expectedPrice, offers } from "./offer.ts";
import { changeOf } from "./place-orders.ts";
import type { OrderPlan } from "./plan-order.ts";

/** What no figure of ours has in it. */
export const NOT_INCLUDED = "traffic, NAT gateways, S3, taxes and discounts";

/** What an order costs, in USD: all of its instances together. */
export type OrderCost = {
  /** Where the price of an instance is from. */
  readonly source: string;
  /** Undefined when no price is known that `_MAX_PRICE` admits. */
  readonly expectedPerHour: number | undefined;
  readonly atMostPerHour: number;
  /** Until two minutes after the lease's end, with disks and public addresses. */
  readonly worstCase: number;
};

export function orderCost(plan: OrderPlan): OrderCost {
  const { annex, count, price, pricing } = plan;
  const types = plan.types.map(({ type }) => type);
  const zones = plan.subnets.map(({ zone }) => zone);
  const expected = expectedPrice(
    offers(types, zones, pricing.book, plan.spot, plan.image.usageOperation),
    annex.purchase === "on-demand" ? "on-demand" : "spot",
    annex.maxPrice,
  );
  const { hourly } = changeOf(plan);
  return {
    source: price.source,
    expectedPerHour: expected && count * (expected + price.disk + price.address),
    atMostPerHour: count * hourly,
    worstCase: (count * hourly * (plan.leaseSeconds + LEASE_MARGIN_SECONDS)) / 3600,
  };
}

/** The plan's lines about money. */
export function describeCost(plan: OrderPlan, { after, limit }: Liability): string[] {
  const { count, price } = plan;
  const cost = orderCost(plan);
  const parts = [
    `${price.instance} USD by ${price.source}`,
    `${usd(price.disk)} disk`,
    ...(price.address > 0 ? [`${usd(price.address)} public address`] : []),
  ];
  const expected =
    cost.expectedPerHour === undefined
      ? `expected: no price is known${plan.annex.maxPrice === undefined ? "" : ` within ${knobName(plan.annex.name, "MAX_PRICE")}`}`
      : `expected: ${usd(cost.expectedPerHour)} USD per hour`;
  const knob = knobName(plan.annex.name, "MAX_LIABILITY");
  return [
    `price of one, at most: ${parts.join(" + ")}, per hour`,
    `${expected}; worst case: ${count} × ${hours(plan.leaseSeconds)} h = ${usd(cost.worstCase)} USD`,
    `liability with this order: ${usd(after)} USD, ` +
      (limit === undefined ? `without a limit (${knob} is not set)` : `of at most ${usd(limit)} (${knob})`) +
      `; not included: ${NOT_INCLUDED}`,
  ];
}

const hours = (leaseSeconds: number): string => ((leaseSeconds + LEASE_MARGIN_SECONDS) / 3600).toFixed(2);
