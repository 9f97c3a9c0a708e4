import { readFileSync } from "node:fs";
import { parsePrices } from "../../../core/prices.ts";
import type { CloudSettings } from "../ports.ts";
import { REGION } from "../service.ts";

const CATALOGUE = new URL("../../../scripts/catalogue.json", import.meta.url);

/** Of a type without a price of its own. */
const SOME_USD = 0.1;
const SPOT_SHARE = 0.35;
/** Each further zone's spot is so much dearer. */
const ZONE_STEP = 0.02;

/** From when on the settings' spot prices have held. */
type Tape = { readonly at: number; readonly spotPrices: CloudSettings["spotPrices"] };

export type Market = ReturnType<typeof market>;

/** What instances cost in this cloud: as on AWS on-demand, a good third of it as spot, unless the settings say else. */
export function market(world: {
  settings: () => Pick<CloudSettings, "spotPrices" | "onDemandPrices">;
  now: () => number;
}) {
  const books = parsePrices(readFileSync(CATALOGUE, "utf8"));
  if (typeof books === "string") throw new Error(`the catalogue of prices: ${books}`);
  const book = books.find(({ region }) => region === REGION);
  const listed = book?.onDemand["RunInstances"] ?? {};
  const tape: Tape[] = [{ at: world.now(), spotPrices: world.settings().spotPrices }];

  const onDemand = (type: string): number =>
    world.settings().onDemandPrices[type] ?? listed[type] ?? SOME_USD;
  const spotBy = (prices: CloudSettings["spotPrices"], type: string, zone: string): number =>
    prices[`${type} ${zone}`] ??
    prices[type] ??
    (listed[type] ?? SOME_USD) * SPOT_SHARE * (1 + ZONE_STEP * (zone.charCodeAt(zone.length - 1) - 97));

  return {
    types: (): string[] => Object.keys(listed),
    volumes: (): Readonly<Record<string, number>> => book?.volumes ?? {},
    publicIpv4: (): number => book?.publicIpv4 ?? 0,
    onDemand,
    spot: (type: string, zone: string): number => spotBy(world.settings().spotPrices, type, zone),
    /** The settings' prices hold from now on. */
    jump(): void {
      tape.push({ at: world.now(), spotPrices: world.settings().spotPrices });
    },
    /** Every change of a spot price, oldest first. */
    history(type: string, zone: string): { at: number; usd: number }[] {
      const told = tape.map(({ at, spotPrices }) => ({ at, usd: spotBy(spotPrices, type, zone) }));
      return told.filter(({ usd }, i) => usd !== told[i - 1]?.usd);
    },
  };
}
