import type { Instance, Owner } from "./instance.ts";
import { clientToken, type FleetRequest, type Market, type Order } from "./order.ts";
import { TAG, type Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** An order as it stands on the disk before its request is sent, and until its outcome is known to all who look. */
export type JournalEntry = {
  readonly orderId: string;
  readonly annex: string;
  readonly pool: string;
  readonly schedd: string;
  readonly region: string;
  readonly market: Market;
  readonly count: number;
  readonly orderedAt: UnixTime;
  /** When the request was last about to be sent. */
  readonly sentAt: UnixTime;
  /** The request, token included, as JSON text: a repetition sends the same bytes. */
  readonly request: string;
  readonly answer?: { readonly at: UnixTime; readonly instanceIds: readonly string[] };
};

/** Where entries are kept; whoever reads or writes it holds the lock. */
export type Journal = {
  read(): Promise<JournalReading>;
  /** The entry is on the disk, also after a power cut, when this resolves. */
  write(entry: JournalEntry): Promise<void>;
  remove(orderId: string): Promise<void>;
};

export type JournalReading = {
  readonly entries: readonly JournalEntry[];
  /** What is wrong with each entry that could not be read. Nothing may be ordered while there is one. */
  readonly unreadable: readonly string[];
};

/** EC2 shows what it launched well within this time. */
export const ABSENT_SECONDS = 600;

const FORMAT = 1;

export function journalEntry(order: Order, owner: Owner, region: string, now: UnixTime): JournalEntry {
  return {
    orderId: order.id,
    annex: owner.annex,
    pool: owner.pool,
    schedd: owner.schedd,
    region,
    market: order.market,
    count: order.count,
    orderedAt: order.orderedAt,
    sentAt: now,
    request: JSON.stringify(order.request),
  };
}

/** The request that an entry holds; what is sent is always this, never the object that it was made from. */
export function requestOf(entry: JournalEntry): FleetRequest {
  return JSON.parse(entry.request) as FleetRequest;
}

/** The tags that its instances have, or will have. */
export function orderTags(entry: JournalEntry): Tags {
  const tags = requestOf(entry).TagSpecifications.flatMap((of) => of.Tags);
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}

export function formatEntry(entry: JournalEntry): string {
  return `${JSON.stringify({ format: FORMAT, ...entry })}\n`;
}

/** Reads an entry; a string is what is wrong with it. */
export function parseEntry(text: string): JournalEntry | string {
  if (!text.endsWith("\n")) return "it is cut short";
  const found = object(text);
  if (found === undefined) return "it is not a JSON object";
  const { format, ...fields } = found;
  if (format !== FORMAT) return `its format is ${JSON.stringify(format)}, and this version writes ${FORMAT}`;
  const strings = ["orderId", "annex", "pool", "schedd", "region", "market", "request"];
  const numbers = ["count", "orderedAt", "sentAt"];
  const wrong =
    strings.find((name) => typeof fields[name] !== "string") ??
    numbers.find((name) => !Number.isFinite(fields[name]));
  if (wrong !== undefined) return `its ${wrong} is missing`;
  const { answer } = fields;
  if (answer !== undefined && !isAnswer(answer)) return "its answer cannot be read";
  const entry = fields as JournalEntry;
  const request = object(entry.request);
  return request?.["ClientToken"] === clientToken(entry.annex, entry.orderId)
    ? entry
    : "its request is not the one of this order";
}

function object(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isAnswer(value: unknown): boolean {
  const answer = value as JournalEntry["answer"] | null;
  return Number.isFinite(answer?.at) && Array.isArray(answer?.instanceIds);
}

/** Whether an entry is one of this annex: those of others are left alone. */
export function concerns(entry: JournalEntry, owner: Owner, region: string): boolean {
  return (
    entry.annex === owner.annex &&
    entry.pool === owner.pool &&
    entry.schedd === owner.schedd &&
    entry.region === region
  );
}

/** What is known of an order now. Pending: so many of its instances count as placed though EC2 does not show them. */
export type Settlement =
  | { readonly state: "seen" }
  | { readonly state: "absent"; readonly missing: number }
  | { readonly state: "pending"; readonly unseen: number; readonly answered: boolean };

/** `instances` are the annex's, terminated ones included. */
export function settle(entry: JournalEntry, instances: readonly Instance[], now: UnixTime): Settlement {
  const seen = new Set(instances.filter((one) => one.tags[TAG.order] === entry.orderId).map((one) => one.id));
  const unseen =
    entry.answer === undefined
      ? Math.max(0, entry.count - seen.size)
      : entry.answer.instanceIds.filter((id) => !seen.has(id)).length;
  if (unseen === 0) return { state: "seen" };
  const since = entry.answer?.at ?? entry.sentAt;
  if (now - since >= ABSENT_SECONDS) return { state: "absent", missing: unseen };
  return { state: "pending", unseen, answered: entry.answer !== undefined };
}
