import type { AttributeValue } from "./classad.ts";
import { UpdraftError } from "./errors.ts";
import { hourlyPrice, totalPrice } from "./hourly-price.ts";
import {
  affordable,
  commitments,
  findPricing,
  hourlyCost,
  liability,
  type Known,
  type Pricing,
} from "./liability.ts";
import { launchable, type PlanPorts } from "./plan-order.ts";
import type { Ground } from "./publish.ts";

/** What an annex costs and may still cost. */
export type Funds = {
  /** Undefined when a price is not known: then no order is placed either. */
  readonly pricing: Pricing | undefined;
  /** Instances that `_MAX_LIABILITY` still admits; undefined when a price is not known. */
  readonly affordable: number | undefined;
  /** USD per hour of one more instance, at most; undefined when a price is not known. */
  readonly hourly: number | undefined;
  /** As the hook publishes it, with so many instances ordered since. */
  attributes(ordered: number): Readonly<Record<string, AttributeValue>>;
};

export async function funds(
  ports: Pick<PlanPorts, "imageId" | "prices"> & { readonly ec2: Pick<PlanPorts["ec2"], "image"> },
  ground: Ground,
  known: Known,
): Promise<Funds> {
  const { annex, accountSetup } = ground;
  try {
    const image = await launchable(ports.ec2, annex, await ports.imageId(annex.image));
    const pricing = await findPricing(ports, annex, image, accountSetup.maxLeaseSeconds, known.instances);
    const committed = commitments(pricing, known);
    const leaseSeconds = Math.min(annex.leaseSeconds, accountSetup.maxLeaseSeconds);
    const hourly = totalPrice(hourlyPrice(annex, image, annex.instanceTypes, pricing.book));
    return {
      pricing,
      hourly,
      affordable: affordable(pricing, known, { leaseSeconds, hourly }),
      attributes(ordered) {
        const all = [
          ...committed,
          { instanceId: undefined, count: ordered, until: known.at + leaseSeconds, hourly },
        ];
        return {
          Liability: liability(all, known.at),
          LiabilityLimit: annex.maxLiability,
          HourlyCost: hourlyCost(all),
        };
      },
    };
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    return {
      pricing: undefined,
      hourly: undefined,
      affordable: undefined,
      attributes: () => ({ Liability: undefined, LiabilityLimit: annex.maxLiability, HourlyCost: undefined }),
    };
  }
}
