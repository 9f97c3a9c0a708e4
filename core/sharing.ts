import { groupKey, type JobGroup } from "./demand.ts";
import { place, type Resources } from "./packing.ts";
import type { Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";
import { finite, numbers, record } from "./untrusted.ts";

/** Jobs for which an annex has instances on the way, by group. Free slots of nodes that are there everybody sees. */
export type Claims = { readonly at: UnixTime; readonly jobs: Readonly<Record<string, number>> };

/** What an annex that can no longer be looked at has claimed is free again after so long. */
const CLAIM_SECONDS = 900;

/** What an annex leaves to the others: its claims, and what a CPU of its instances costs. */
export type Share = {
  readonly claims?: Claims;
  /** USD per hour. */
  readonly cpuPrice?: number;
};

export function parseShare(found: unknown): Share {
  const { claims, cpuPrice } = record(found);
  const [at, price] = [finite(record(claims)["at"]), finite(cpuPrice)];
  return {
    ...(at !== undefined && { claims: { at, jobs: numbers(record(claims)["jobs"]) } }),
    ...(price !== undefined && price > 0 && { cpuPrice: price }),
  };
}

/** The jobs that instances on the way will take, once those that are there have taken theirs. */
export function claim(
  unserved: readonly JobGroup[],
  members: readonly Member[],
  coming: number,
  machine: Resources | undefined,
  at: UnixTime,
): Claims {
  if (coming === 0 || machine === undefined) return { at, jobs: {} };
  const waiting = place(
    unserved,
    members.filter((one) => !one.released).flatMap((one) => one.free),
  ).left as JobGroup[];
  const { left } = place(
    waiting,
    Array.from({ length: coming }, () => machine),
  );
  const taken = counted(waiting);
  for (const [key, count] of counted(left as JobGroup[])) taken.set(key, (taken.get(key) ?? 0) - count);
  return { at, jobs: Object.fromEntries([...taken].filter(([, count]) => count > 0)) };
}

function counted(groups: readonly JobGroup[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const group of groups) counts.set(groupKey(group), (counts.get(groupKey(group)) ?? 0) + group.count);
  return counts;
}

/** The jobs that others have not claimed. */
export function unclaimed(groups: readonly JobGroup[], others: readonly Claims[], now: UnixTime): JobGroup[] {
  const claimed = new Map<string, number>();
  for (const { at, jobs } of others) {
    // A time to come is one of a clock that was wrong.
    if (at > now || now - at > CLAIM_SECONDS) continue;
    for (const [key, count] of Object.entries(jobs)) claimed.set(key, (claimed.get(key) ?? 0) + count);
  }
  return groups.map((group) => {
    const key = groupKey(group);
    const taken = Math.min(group.count, claimed.get(key) ?? 0);
    claimed.set(key, (claimed.get(key) ?? 0) - taken);
    return { ...group, count: group.count - taken };
  });
}

/** The order in which annexes are asked: a job that several would take goes to the cheapest that can order for it. */
export function byPrice<T extends { readonly name: string }>(
  annexes: readonly T[],
  shares: (name: string) => Share | undefined,
): T[] {
  const price = ({ name }: T): number => shares(name)?.cpuPrice ?? Number.POSITIVE_INFINITY;
  return [...annexes].sort((a, b) => (price(a) === price(b) ? 0 : price(a) - price(b)));
}
