import { homedir } from "node:os";
import { ledgerFile } from "../../adapters/ledger-file.ts";
import { withLock } from "../../adapters/lock.ts";
import { priceFile, type PriceFile } from "../../adapters/price-file.ts";
import { spotPrices } from "../../adapters/spot-prices.ts";
import {
  ownStateDirectory,
  prepareOwnStateDirectory,
  prepareStateDirectory,
} from "../../adapters/state-directory.ts";
import type { Knobs } from "../../core/knobs.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Site } from "../../core/site.ts";
import { asset } from "../assets.ts";

/** Longer than the hook's own run takes. */
const LOCK_SECONDS = 60;

export const uid = (): number => process.getuid?.() ?? 0;

/** Where an ordinary user's journal is. */
export const ownDirectory = (): string => ownStateDirectory(process.env, homedir());

/** Does the work while neither the hook nor another command orders; an ordinary user's: no other command of theirs. */
export async function exclusively<T>(site: Site, knobs: Knobs, work: () => Promise<T>): Promise<T> {
  const directory = knobs.stateDirectory;
  if (uid() !== 0 && directory === ownDirectory()) await prepareOwnStateDirectory(directory, uid());
  else await prepareStateDirectory(directory, site.spool);
  return withLock(directory, LOCK_SECONDS, work);
}

/** The prices that the state directory keeps, over those that this program carries. */
export function keptPrices(knobs: Knobs): PriceFile {
  return priceFile(knobs.stateDirectory, () => asset("catalogue.json"));
}

export function ledger(knobs: Knobs): Ledger {
  return ledgerFile(knobs.stateDirectory);
}

/** Prices and accounts, for what orders in this region. */
export function money(knobs: Knobs, region: string) {
  return { prices: keptPrices(knobs).book, spotPrices: spotPrices(region), ledger: ledger(knobs) };
}
