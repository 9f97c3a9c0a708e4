import type { Law, Limits, MachineSeen, Observation, Order } from "./laws/law.ts";
import { cutOrders } from "./laws/offers.ts";
import { total } from "./packing.ts";

/** What stands around a law, whatever it wishes. */
export type Caps = {
  /** Instances that live or were ordered, those included that the law is not shown. */
  readonly live: number;
  readonly maxInstances: number;
  readonly maxOrder: number;
  /** Instances that MAX_LIABILITY still admits; undefined where nobody knows, or where there is no limit. */
  readonly affordable?: number | undefined;
  /** Instances that the jobs need that wait, beyond what has joined and is on its way; undefined where spares are allowed. */
  readonly visible?: number | undefined;
  /** Any other stays, whatever the law wishes; undefined where each may go. */
  readonly mayRelease?: (machine: MachineSeen) => boolean;
};

export type Decision = {
  /** All caps applied. */
  readonly order: readonly Order[];
  /** To end when unclaimed. */
  readonly release: readonly number[];
  /** Released, but needed after all. */
  readonly withdraw: readonly number[];
  /** Live instances stood in the way of so many. */
  readonly cut: number;
  /** MAX_LIABILITY stood in the way of so many more. */
  readonly unaffordable: number;
  /** No job starts on an instance whose lease has less left. */
  readonly refuseSeconds: number;
  /** The law's own words. */
  readonly reason: string;
};

/** Caps and safety around one law, for hook and simulator alike. It trusts what it is shown: whoever could not measure must not ask. */
export function decide<Memory>(
  law: Law<Memory>,
  seen: Observation,
  memory: Memory,
  limits: Limits,
  caps: Caps,
): { readonly decision: Decision; readonly memory: Memory } {
  const wish = law.decide(seen, memory, limits);
  const wished = total(wish.order);
  const wanted = Math.min(wished, Math.max(0, caps.visible ?? wished));
  const fitting = Math.min(wanted, Math.max(0, caps.maxInstances - caps.live), caps.maxOrder);
  const affordable = Math.min(fitting, Math.max(0, caps.affordable ?? fitting));
  const order = cutOrders(wish.order, affordable, limits.offers);
  return {
    decision: {
      order,
      release: permitted(wish.release, seen, caps),
      withdraw: wish.withdraw ?? [],
      cut: wanted - fitting,
      unaffordable: fitting - affordable,
      refuseSeconds: wish.refuseSeconds ?? 0,
      reason: wish.reason,
    },
    memory: wish.memory,
  };
}

function permitted(
  ids: readonly number[],
  { machines }: Observation,
  { mayRelease }: Caps,
): readonly number[] {
  if (ids.length === 0 || mayRelease === undefined) return ids;
  const wished = new Set(ids);
  return machines.filter((one) => wished.has(one.id) && mayRelease(one)).map(({ id }) => id);
}
