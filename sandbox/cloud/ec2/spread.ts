import type { Shortage } from "./room.ts";

type Refused<Pool> = { readonly pool: Pool; readonly code: string; readonly message: string };

/**
 * Spot is spread over the pools in turn, on-demand goes to the cheapest and on to the next when that has no more; never
 * beyond the last whole unit, and it stops where the total price is reached. `take` takes one instance of a pool, or
 * says why there is none.
 */
export function spread<Pool extends { readonly weight: number }>(
  pools: readonly Pool[],
  capacity: number,
  strategy: string,
  {
    priceOf,
    maxTotalPrice,
    take,
  }: {
    readonly priceOf: (pool: Pool) => number;
    readonly maxTotalPrice: number;
    readonly take: (pool: Pool) => Shortage | undefined;
  },
): { readonly plan: Map<Pool, number>; readonly refused: readonly Refused<Pool>[] } {
  const plan = new Map<Pool, number>();
  const refused: Refused<Pool>[] = [];
  const cheapest = strategy === "lowest-price";
  let open = cheapest ? pools.toSorted((a, b) => priceOf(a) - priceOf(b)) : [...pools];
  let fulfilled = 0;
  let spent = 0;
  for (let turn = 0; fulfilled < capacity && open.length > 0; turn++) {
    const pool = open[cheapest ? 0 : turn % open.length] as Pool;
    if (spent + priceOf(pool) > maxTotalPrice + BINARY_NOISE) break;
    const short = take(pool);
    if (short !== undefined) {
      refused.push({ pool, code: short.code, message: short.message });
      open = open.filter((one) => one !== pool);
      continue;
    }
    spent += priceOf(pool);
    plan.set(pool, (plan.get(pool) ?? 0) + 1);
    fulfilled += pool.weight;
  }
  return { plan, refused };
}

const BINARY_NOISE = 1e-9;
