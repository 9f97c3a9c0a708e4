/**
 * Spot is spread over the pools in turn, on-demand goes to the cheapest; never beyond the last whole unit, and it stops
 * where the total price is reached.
 */
export function spread<Pool extends { readonly weight: number }>(
  pools: readonly Pool[],
  capacity: number,
  strategy: string,
  priceOf: (pool: Pool) => number,
  maxTotalPrice: number,
): Map<Pool, number> {
  const plan = new Map<Pool, number>();
  const cheapest = pools.toSorted((a, b) => priceOf(a) - priceOf(b)).slice(0, 1);
  const candidates = strategy === "lowest-price" ? cheapest : pools;
  let fulfilled = 0;
  let spent = 0;
  for (let turn = 0; fulfilled < capacity && candidates.length > 0; turn++) {
    const pool = candidates[turn % candidates.length] as Pool;
    spent += priceOf(pool);
    if (spent > maxTotalPrice + BINARY_NOISE) break;
    plan.set(pool, (plan.get(pool) ?? 0) + 1);
    fulfilled += pool.weight;
  }
  return plan;
}

const BINARY_NOISE = 1e-9;
