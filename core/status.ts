import { LATE_AFTER_SECONDS, isLive, isOurs, join, type Owner, type Seen } from "./instance.ts";
import type { JournalEntry } from "./journal.ts";
import { leaseExpiration } from "./lease.ts";
import type { Clock, Ec2, Slots } from "./ports.ts";
import { TAG } from "./tags.ts";
import { formatDuration, type UnixTime } from "./time.ts";

export type StatusPorts = {
  readonly clock: Clock;
  readonly ec2: Pick<Ec2, "instances">;
  readonly slots: Slots;
};

/** The annex's instances that are not gone. */
export async function annexStatus(ports: StatusPorts, owner: Owner): Promise<Seen[]> {
  const instances = (await ports.ec2.instances(owner)).filter((one) => isOurs(one, owner) && isLive(one));
  return join(instances, await ports.slots(owner.annex), ports.clock.now(), LATE_AFTER_SECONDS);
}

/** One instance as status tells it, for people and for --json. */
export type StatusRow = {
  readonly annex: string;
  readonly id: string;
  readonly progress: string;
  readonly ec2State: string;
  readonly type: string;
  readonly zone: string;
  readonly market: "spot" | "on-demand";
  readonly privateIp: string | undefined;
  readonly launched: UnixTime;
  readonly leaseExpiration: UnixTime | undefined;
  readonly order: string | undefined;
  readonly slots: readonly string[];
};

export function statusRow(annex: string, seen: Seen, now: UnixTime): StatusRow {
  return {
    annex,
    id: seen.id,
    progress: seen.progress,
    ec2State: seen.state,
    type: seen.type,
    zone: seen.zone,
    market: seen.spot ? "spot" : "on-demand",
    privateIp: seen.privateIp,
    launched: seen.launched,
    leaseExpiration: leaseExpiration(seen.tags, now, Number.POSITIVE_INFINITY),
    order: seen.tags[TAG.order],
    slots: seen.slots.map((slot) => slot.name),
  };
}

/** A table's cells, heading first. */
export function statusTable(rows: readonly StatusRow[], now: UnixTime): string[][] {
  return [
    ["ANNEX", "INSTANCE", "STATE", "TYPE", "ZONE", "MARKET", "ADDRESS", "AGE", "LEASE LEFT", "SLOTS"],
    ...rows.map((row) => [
      row.annex,
      row.id,
      row.progress,
      row.type,
      row.zone,
      row.market,
      row.privateIp ?? "-",
      formatDuration(now - row.launched),
      row.leaseExpiration === undefined ? "unreadable" : formatDuration(row.leaseExpiration - now),
      String(row.slots.length),
    ]),
  ];
}

/** An order of the journal whose instances are not all known to be there. */
export type OrderRow = Pick<JournalEntry, "annex" | "market" | "count" | "orderedAt" | "sentAt"> & {
  readonly id: string;
  /** Undefined: nobody has read the answer. */
  readonly instanceIds: readonly string[] | undefined;
};

export function orderRow({
  orderId,
  annex,
  market,
  count,
  orderedAt,
  sentAt,
  answer,
}: JournalEntry): OrderRow {
  return { id: orderId, annex, market, count, orderedAt, sentAt, instanceIds: answer?.instanceIds };
}

export function describeOrder(order: OrderRow, now: UnixTime): string {
  const what = `order ${order.id} of annex ${order.annex}: ${order.count} × ${order.market}, sent ${formatDuration(now - order.sentAt)} ago`;
  return order.instanceIds === undefined
    ? `${what}; nobody has read the answer`
    : `${what}; EC2 does not show all of ${order.instanceIds.join(", ")} yet`;
}
