import { UpdraftError } from "./errors.ts";
import { hourlyPrice, totalPrice } from "./hourly-price.ts";
import type { Instance } from "./instance.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { DEFAULT_MAX_LEASE_SECONDS } from "./lease.ts";
import { unrecorded, type Ledger, type LedgerRow } from "./ledger.ts";
import { findPricing, type PricingPorts } from "./liability.ts";
import type { Report } from "./ports.ts";
import type { UnixTime } from "./time.ts";

/** USD per hour with disk and public address; undefined where nobody knows, which is never nothing. */
export type Rates = {
  /** What an instance is expected to cost: what the accounts wrote down at its order, else what it costs now. */
  hourly(instance: Instance): number | undefined;
  /** The most that it can cost: what the liability counts with. */
  worst(instance: Instance): number | undefined;
};

export const NO_RATES: Rates = { hourly: () => undefined, worst: () => undefined };

type RatesPorts = PricingPorts & { readonly ledger: Pick<Ledger, "read">; readonly report: Report };

/** Whoever looks must see the instances also when nobody can tell what they cost. */
export async function findRates(
  ports: RatesPorts,
  annex: AnnexKnobs,
  instances: readonly Instance[],
  now: UnixTime,
): Promise<Rates> {
  const [first] = instances;
  if (first === undefined) return NO_RATES;
  try {
    const image = await ports.ec2.image(first.imageId);
    if (image === undefined) return NO_RATES;
    const pricing = await findPricing(ports, annex, image, DEFAULT_MAX_LEASE_SECONDS, instances);
    const { records } = await ports.ledger.read();
    const rows = new Map<string, LedgerRow>();
    for (const record of [...records, ...unrecorded(records, instances, annex.region, pricing, now)]) {
      if ("launched" in record) rows.set(record.launched.id, record.launched);
    }
    return {
      hourly({ id }) {
        const row = rows.get(id);
        return row?.price === undefined ? undefined : row.price + (row.other ?? 0);
      },
      worst({ imageId, type }) {
        try {
          const own = pricing.images.get(imageId) ?? image;
          return totalPrice(hourlyPrice(annex, own, [type], pricing.book));
        } catch (error) {
          if (error instanceof UpdraftError) return undefined;
          throw error;
        }
      },
    };
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    ports.report(`what the instances cost is not known: ${error.message}`);
    return NO_RATES;
  }
}
