import { DAY, type Refusal } from "./fleet-errors.ts";
import type { Market } from "./order.ts";
import { quotaOf } from "./quota.ts";
import type { UnixTime } from "./time.ts";

/** What EC2 refused lately. It may be lost: then EC2 is asked once more than it need be. */
export type CapacityMemory = readonly Refusal[];

/** Where an instance could be launched. */
export type Place = { readonly type: string; readonly subnet: string; readonly zone: string };

const FORMAT = 1;
const REFUSALS_AT_MOST = 2000;

/** Those that still hold. One that would hold for longer than any is of a clock that was wrong. */
export function current(memory: CapacityMemory, now: UnixTime): CapacityMemory {
  return memory.filter(({ until }) => until > now && until <= now + DAY + 1);
}

/** The memory with these added; of the same thing the newest counts. */
export function remember(
  memory: CapacityMemory,
  refusals: readonly Refusal[],
  now: UnixTime,
): CapacityMemory {
  const known = new Map(current(memory, now).map((one) => [thing(one), one]));
  for (const one of refusals) {
    known.delete(thing(one));
    known.set(thing(one), one);
  }
  return [...known.values()].slice(-REFUSALS_AT_MOST);
}

function thing({ region, market, type, zone, subnet, quota }: Refusal): string {
  return JSON.stringify([region, market, type, zone, subnet, quota]);
}

/** Why EC2 is not asked for an instance there; of several reasons the one that holds longest. */
export function refused(
  memory: CapacityMemory,
  region: string,
  market: Market,
  place: Place,
  now: UnixTime,
): Refusal | undefined {
  return current(memory, now)
    .filter(
      (one) =>
        one.region === region &&
        (one.market ?? market) === market &&
        (one.type ?? place.type) === place.type &&
        (one.zone ?? place.zone) === place.zone &&
        (one.subnet ?? place.subnet) === place.subnet &&
        (one.quota === undefined || one.quota === quotaOf(place.type, market)?.code),
    )
    .reduce<Refusal | undefined>(
      (longest, one) => (longest === undefined || one.until > longest.until ? one : longest),
      undefined,
    );
}

/** What a refusal is about, in words: `m5.large on-demand in us-east-1a`. */
export function describeRefusal({ market, type, zone, subnet, quota }: Refusal): string {
  const what = [
    type ?? (quota === undefined ? "any type" : `types of quota ${quota}`),
    market,
    zone && `in ${zone}`,
    subnet && `in ${subnet}`,
  ];
  return what.filter((part) => part !== undefined).join(" ");
}

export function formatCapacityMemory(memory: CapacityMemory): string {
  return `${JSON.stringify({ format: FORMAT, refusals: memory })}\n`;
}

/** Undefined for whatever cannot be read, also what another version wrote. */
export function parseCapacityMemory(text: string): CapacityMemory | undefined {
  try {
    const { format, refusals } = JSON.parse(text) as { format?: unknown; refusals?: unknown };
    return format === FORMAT && Array.isArray(refusals) && refusals.every(isRefusal) ? refusals : undefined;
  } catch {
    return undefined;
  }
}

function isRefusal(value: unknown): value is Refusal {
  if (typeof value !== "object" || value === null) return false;
  const one = value as Record<string, unknown>;
  const optional = [one["type"], one["zone"], one["subnet"], one["quota"]];
  return (
    typeof one["region"] === "string" &&
    typeof one["code"] === "string" &&
    Number.isFinite(one["until"]) &&
    [undefined, "spot", "on-demand"].includes(one["market"] as string | undefined) &&
    optional.every((part) => part === undefined || typeof part === "string") &&
    // One that is about nothing would refuse everything.
    [...optional, one["market"]].some((part) => part !== undefined)
  );
}
