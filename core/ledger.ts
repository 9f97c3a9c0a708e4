import { UpdraftError } from "./errors.ts";
import { hourlyPrice } from "./hourly-price.ts";
import type { Instance } from "./instance.ts";
import type { Pricing } from "./liability.ts";
import type { Market } from "./order.ts";
import type { Placed } from "./place-orders.ts";
import type { OrderPlan } from "./plan-order.ts";
import type { Report } from "./ports.ts";
import type { SpotPrice } from "./prices.ts";
import { TAG } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** An instance as the accounts know it. */
export type LedgerRow = {
  readonly id: string;
  readonly order: string;
  readonly annex: string;
  readonly region: string;
  readonly owner: string;
  readonly project?: string;
  readonly market: Market;
  readonly type: string;
  readonly zone: string;
  /** USD per hour of the instance, and of its disks and address; absent when no price was known. */
  readonly price?: number;
  readonly other?: number;
  /** Where the price is from, in words. */
  readonly source: string;
  readonly launched: UnixTime;
  readonly leaseExpiration?: UnixTime;
};

/** A line of the ledger. Of several rows of one instance the last counts, of several ends the first. */
export type LedgerRecord =
  | { readonly launched: LedgerRow }
  | { readonly ended: { readonly id: string; readonly at: UnixTime } };

export type LedgerReading = {
  readonly records: readonly LedgerRecord[];
  /** Lines that could not be read: one may have been torn by a power cut. */
  readonly unreadable: number;
};

/** What was ordered and what has ended. Losing it costs history only. */
export type Ledger = {
  read(): Promise<LedgerReading>;
  /** Records of these instances alone: however long the ledger has become, no more is held. */
  of(ids: ReadonlySet<string>): Promise<readonly LedgerRecord[]>;
  append(records: readonly LedgerRecord[]): Promise<void>;
};

export function formatRecords(records: readonly LedgerRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

export function parseRecords(text: string): LedgerReading {
  const lines = text.split("\n").filter((line) => line !== "");
  const records = lines.flatMap((line) => parseRecord(line) ?? []);
  return { records, unreadable: lines.length - records.length };
}

/** Whether a line is of one of these instances, without reading the rest of it. */
export function isOf(line: string, ids: ReadonlySet<string>): boolean {
  const id = /"id":"([^"]*)"/.exec(line)?.[1];
  return id !== undefined && ids.has(id);
}

const TEXTS = ["id", "order", "annex", "region", "owner", "type", "zone", "source"];
const OPTIONAL_NUMBERS = ["price", "other", "leaseExpiration"];

function parseRecord(line: string): LedgerRecord | undefined {
  let found: { launched?: Record<string, unknown>; ended?: Record<string, unknown> } | null;
  try {
    found = JSON.parse(line) as typeof found;
  } catch {
    return undefined;
  }
  const { launched, ended } = found ?? {};
  if (ended !== undefined) {
    return typeof ended["id"] === "string" && Number.isFinite(ended["at"])
      ? { ended: { id: ended["id"], at: Number(ended["at"]) } }
      : undefined;
  }
  const good =
    launched !== undefined &&
    TEXTS.every((name) => typeof launched[name] === "string") &&
    ["spot", "on-demand"].includes(String(launched["market"])) &&
    Number.isFinite(launched["launched"]) &&
    OPTIONAL_NUMBERS.every((name) => launched[name] === undefined || Number.isFinite(launched[name]));
  return good ? { launched: launched as LedgerRow } : undefined;
}

type RecordPorts = { readonly ledger: Ledger; readonly report: Report };

/** Writes down what an order was answered. An order that is placed does not fail for its accounts. */
export async function recordOrder(
  ports: RecordPorts,
  plan: OrderPlan,
  placed: Placed,
  now: UnixTime,
): Promise<void> {
  const rows = placed.launched.map(({ id, type, zone }) => ({
    launched: {
      id,
      order: placed.orderId,
      annex: plan.annex.name,
      region: plan.annex.region,
      owner: plan.user,
      ...(plan.project !== undefined && { project: plan.project }),
      market: placed.market,
      type,
      zone,
      ...rowPrice(plan.pricing, plan.image.id, type, zone, placed.market, plan.spot),
      launched: now,
      leaseExpiration: now + plan.leaseSeconds,
    },
  }));
  await append(ports, rows);
}

/** Writes down what EC2 shows and the ledger does not have: instances, later leases, ends. */
export async function recordSeen(
  ports: RecordPorts,
  instances: readonly Instance[],
  region: string,
  pricing: Pricing | undefined,
  now: UnixTime,
): Promise<void> {
  try {
    const records = await ports.ledger.of(new Set(instances.map(({ id }) => id)));
    await append(ports, unrecorded(records, instances, region, pricing, now));
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    ports.report(error.message);
  }
}

async function append(ports: RecordPorts, records: readonly LedgerRecord[]): Promise<void> {
  if (records.length === 0) return;
  try {
    await ports.ledger.append(records);
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    ports.report(`the accounts miss ${records.length} lines: ${error.message}`);
  }
}

/** What these instances add to the records. */
export function unrecorded(
  records: readonly LedgerRecord[],
  instances: readonly Instance[],
  region: string,
  pricing: Pricing | undefined,
  now: UnixTime,
): LedgerRecord[] {
  const rows = new Map(
    records.flatMap((one) => ("launched" in one ? [[one.launched.id, one.launched]] : [])),
  );
  const ended = new Set(records.flatMap((one) => ("ended" in one ? [one.ended.id] : [])));
  return instances.flatMap((instance): LedgerRecord[] => {
    const before = rows.get(instance.id);
    const row =
      before === undefined
        ? seenRow(instance, region, pricing)
        : laterRow(before, seenRow(instance, region, pricing));
    const isOver = instance.state === "shutting-down" || instance.state === "terminated";
    return [
      ...(row === before ? [] : [{ launched: row }]),
      ...(isOver && !ended.has(instance.id)
        ? [{ ended: { id: instance.id, at: Math.max(instance.launched, instance.ended ?? now) } }]
        : []),
    ];
  });
}

/** A price is looked up until there is one; later only the lease can change. */
function laterRow(row: LedgerRow, seen: LedgerRow): LedgerRow {
  if (row.price === undefined && seen.price !== undefined) return seen;
  const { leaseExpiration } = seen;
  return leaseExpiration === undefined || leaseExpiration === row.leaseExpiration
    ? row
    : { ...row, leaseExpiration };
}

function seenRow(instance: Instance, region: string, pricing: Pricing | undefined): LedgerRow {
  const { tags, type, zone } = instance;
  const market = instance.spot ? "spot" : "on-demand";
  const project = tags[TAG.project];
  const leaseExpiration = leaseOf(instance);
  return {
    id: instance.id,
    order: tags[TAG.order] ?? "",
    annex: tags[TAG.annex] ?? "",
    region,
    owner: tags[TAG.owner] ?? "",
    ...(project !== undefined && { project }),
    market,
    type,
    zone,
    ...(pricing === undefined
      ? { source: "not known" }
      : rowPrice(pricing, instance.imageId, type, zone, market, [])),
    launched: instance.launched,
    ...(leaseExpiration !== undefined && { leaseExpiration }),
  };
}

function leaseOf({ tags }: Instance): UnixTime | undefined {
  const value = tags[TAG.lease];
  return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : undefined;
}

/** What it is expected to cost: the spot price or the on-demand price, else the most that it may cost. */
function rowPrice(
  pricing: Pricing,
  imageId: string,
  type: string,
  zone: string,
  market: Market,
  spot: readonly SpotPrice[],
): Pick<LedgerRow, "price" | "other" | "source"> {
  const { annex, book } = pricing;
  const image = pricing.images.get(imageId) ?? pricing.image;
  try {
    const most = hourlyPrice(annex, image, [type], book);
    const latest = spot.find((price) => price.type === type && price.zone === zone)?.usd;
    const listed = image.marketplace ? undefined : book.onDemand[image.usageOperation]?.[type];
    const other = most.disk + most.address;
    if (market === "spot" && latest !== undefined) {
      return { price: latest, other, source: "spot price at the order" };
    }
    if (market === "on-demand" && listed !== undefined) {
      return { price: listed, other, source: `on-demand price, ${book.source} of ${book.date}` };
    }
    return { price: most.instance, other, source: most.source };
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    return { source: "not known" };
  }
}
