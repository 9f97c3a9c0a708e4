import { orderCost } from "./cost.ts";
import type { CreatePlan } from "./create.ts";
import type { Placed } from "./place-orders.ts";
import { fleetReasons } from "./place-orders.ts";
import type { PlacedError } from "./refused-places.ts";
import type { StatusRow } from "./status.ts";
import type { UnixTime } from "./time.ts";

/** Everything that is decided before anything is done, as --json tells it. */
export function planAnswer(plan: CreatePlan, now: UnixTime) {
  const { annex, site } = plan;
  return {
    annex: annex.name,
    pool: site.pool,
    schedd: site.schedd,
    account: plan.account,
    region: annex.region,
    bucket: plan.accountSetup.bucket,
    count: plan.count,
    purchase: annex.purchase,
    instanceTypes: plan.types.map((type) => type.type),
    subnets: plan.subnets.map(({ id, zone }) => ({ id, zone })),
    image: { id: plan.image.id, name: plan.image.name },
    leaseSeconds: plan.leaseSeconds,
    leaseExpiration: Math.floor(now) + plan.leaseSeconds,
    idleSeconds: plan.idleSeconds,
    alive: plan.alreadyLive,
    maxInstances: annex.maxInstances,
    maxPrice: annex.maxPrice,
    project: plan.project,
    /** All of it in USD. */
    cost: rounded(orderCost(plan)),
    liability: rounded(plan.liability),
    tags: annex.tags,
    /** Undefined where the plan publishes nothing: for an ordinary user. */
    configFiles: plan.configFiles && Object.keys(plan.configFiles).sort(),
  };
}

/** Amounts without binary noise. */
export function rounded<T extends object>(amounts: T): T {
  const entries = Object.entries(amounts).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === "number" ? Math.round(value * 1e6) / 1e6 : value,
  ]);
  return Object.fromEntries(entries) as T;
}

/** What came of an order, as --json tells it. */
export type OrderAnswer = {
  readonly orders: readonly {
    id: string;
    market: string;
    instances: readonly string[];
    /** What was not launched, where, why, and until when it is not asked for again. */
    refused: readonly PlacedError[];
  }[];
  /** Instances that were asked for and not launched. */
  readonly missing: number;
  /** Why there are fewer, in EC2's words. */
  readonly reasons: readonly string[];
  /** The command that orders what is missing; undefined when nothing is. */
  readonly continue: string | undefined;
  readonly instances: readonly StatusRow[];
};

export const NOTHING_ORDERED: OrderAnswer = {
  orders: [],
  missing: 0,
  reasons: [],
  continue: undefined,
  instances: [],
};

/** `again` is the command that orders so many more. */
export function orderAnswer(
  count: number,
  placed: readonly Placed[],
  again: (missing: number) => string,
): OrderAnswer {
  const missing = count - placed.reduce((sum, one) => sum + one.instanceIds.length, 0);
  return {
    orders: placed.map((one) => ({
      id: one.orderId,
      market: one.market,
      instances: one.instanceIds,
      refused: one.errors,
    })),
    missing,
    reasons: fleetReasons(placed),
    continue: missing > 0 ? again(missing) : undefined,
    instances: [],
  };
}

/** A command line that a shell reads as these words. */
export function commandLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`))
    .join(" ");
}
