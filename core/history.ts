import type { LedgerRecord, LedgerRow } from "./ledger.ts";
import { usd } from "./liability.ts";
import type { UnixTime } from "./time.ts";

/** EC2 bills at least so much of an instance. */
export const MINIMUM_SECONDS = 60;

export const GROUPINGS = ["annex", "owner", "project", "order"] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** An instance's life, as far as it is known. */
export type Life = {
  readonly row: LedgerRow;
  /** Its end; now, while it runs. */
  readonly until: UnixTime;
  readonly running: boolean;
  /** Nobody saw its end: it counts until its lease's end. */
  readonly assumed: boolean;
};

/** Ids of the instances that live, by annex; an annex that EC2 was not asked for is not in it. */
export type Alive = ReadonlyMap<string, ReadonlySet<string>>;

/** Every instance of the records. What has no end yet is taken to run where EC2 was not asked. */
export function lives(records: readonly LedgerRecord[], alive: Alive, now: UnixTime): Life[] {
  const rows = new Map<string, LedgerRow>();
  const ends = new Map<string, UnixTime>();
  for (const record of records) {
    if ("launched" in record) rows.set(record.launched.id, record.launched);
    else if (!ends.has(record.ended.id)) ends.set(record.ended.id, record.ended.at);
  }
  return [...rows.values()].map((row) => {
    const end = ends.get(row.id);
    if (end !== undefined) return { row, until: end, running: false, assumed: false };
    const lease = row.leaseExpiration ?? row.launched;
    const running = alive.get(row.annex)?.has(row.id) ?? lease > now;
    if (running) return { row, until: now, running, assumed: false };
    return { row, until: Math.min(now, Math.max(lease, row.launched)), running, assumed: true };
  });
}

export type Account = {
  readonly name: string;
  readonly instances: number;
  readonly running: number;
  readonly machineHours: number;
  /** USD. */
  readonly cost: number;
  /** Instances without a known price: they are not in the cost. */
  readonly unpriced: number;
  /** Instances whose end nobody saw: they count until their lease's end. */
  readonly assumed: number;
};

/** The accounts of what ran since then, one for each name, and their sum. */
export function history(
  known: readonly Life[],
  by: Grouping,
  since: UnixTime,
): { readonly accounts: Account[]; readonly total: Account } {
  const counted = known
    .map((life) => ({ life, hours: billedHours(life, since) }))
    .filter(({ hours }) => hours > 0);
  const groups = Map.groupBy(counted, ({ life }) => life.row[by] ?? NO_PROJECT);
  const accounts = [...groups]
    .map(([name, members]) => account(name, members))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { accounts, total: account("total", counted) };
}

/** What has no project is told under this name, which none can have. */
const NO_PROJECT = "(none)";

type Counted = { readonly life: Life; readonly hours: number };

function billedHours({ row, until }: Life, since: UnixTime): number {
  const end = Math.max(until, row.launched + MINIMUM_SECONDS);
  return Math.max(0, end - Math.max(row.launched, since)) / 3600;
}

function account(name: string, members: readonly Counted[]): Account {
  const count = (which: (life: Life) => boolean): number => members.filter(({ life }) => which(life)).length;
  return {
    name,
    instances: members.length,
    running: count((life) => life.running),
    machineHours: members.reduce((sum, { hours }) => sum + hours, 0),
    cost: members.reduce(
      (sum, { life, hours }) => sum + hours * ((life.row.price ?? 0) + (life.row.other ?? 0)),
      0,
    ),
    unpriced: count((life) => life.row.price === undefined),
    assumed: count((life) => life.assumed),
  };
}

/** A table's cells, heading first and the total last. */
export function historyTable(by: Grouping, accounts: readonly Account[], total: Account): string[][] {
  return [
    [by.toUpperCase(), "INSTANCES", "RUNNING", "MACHINE-HOURS", "COST USD"],
    ...[...accounts, total].map((one) => [
      one.name,
      String(one.instances),
      String(one.running),
      one.machineHours.toFixed(2),
      usd(one.cost),
    ]),
  ];
}

/** What the figures cannot say, in sentences. */
export function historyNotes(total: Account, unreadable: number): string[] {
  return [
    ...(total.unpriced > 0
      ? [`${total.unpriced} instances have no known price: the cost is without them`]
      : []),
    ...(total.assumed > 0
      ? [`the end of ${total.assumed} instances was not seen: they count until their lease's end`]
      : []),
    ...(unreadable > 0 ? [`${unreadable} lines of the ledger cannot be read and are left out`] : []),
  ];
}
