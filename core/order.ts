import { TAG, type Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

export type Market = "spot" | "on-demand";

/** A CreateFleet request of type `instant`, in EC2's own words, as it is sent. */
export type FleetRequest = {
  readonly Type: "instant";
  readonly ClientToken: string;
  readonly TargetCapacitySpecification: {
    readonly TotalTargetCapacity: number;
    readonly DefaultTargetCapacityType: Market;
  };
  readonly SpotOptions?: { readonly AllocationStrategy: "price-capacity-optimized" };
  readonly OnDemandOptions?: {
    readonly AllocationStrategy: "lowest-price";
    readonly MaxTotalPrice?: string;
  };
  readonly LaunchTemplateConfigs: readonly {
    readonly LaunchTemplateSpecification: { readonly LaunchTemplateId: string; readonly Version: string };
    readonly Overrides: readonly FleetOverride[];
  }[];
  readonly TagSpecifications: readonly {
    readonly ResourceType: "instance";
    readonly Tags: readonly { readonly Key: string; readonly Value: string }[];
  }[];
};

export type FleetOverride = {
  readonly InstanceType: string;
  readonly SubnetId: string;
  readonly ImageId: string;
  readonly MaxPrice?: string;
};

export type LaunchTemplate = { readonly id: string; readonly version: string };

/** One request for instances. It holds the exact request with its token, so that a repetition is the same request. */
export type Order = {
  readonly id: string;
  readonly market: Market;
  readonly count: number;
  readonly orderedAt: UnixTime;
  readonly request: FleetRequest;
};

export type OrderTerms = {
  readonly id: string;
  readonly annex: string;
  readonly pool: string;
  readonly schedd: string;
  readonly owner: string;
  readonly project?: string | undefined;
  readonly market: Market;
  readonly count: number;
  readonly orderedAt: UnixTime;
  readonly leaseExpiration: UnixTime;
  readonly idleSeconds: number;
  /** USD per instance and hour. */
  readonly maxPrice: number | undefined;
  readonly imageId: string;
  readonly subnets: readonly string[];
  readonly types: readonly { readonly type: string; readonly burstable: boolean }[];
  /** Where EC2 is not asked, because it refused a short while ago; never all there is. */
  readonly refused?: readonly { readonly type: string; readonly subnet: string }[];
  readonly template: LaunchTemplate;
  /** CPU credits are `standard` here; EC2 refuses that setting for types without credits. */
  readonly burstableTemplate: LaunchTemplate;
  /** The organisation's own. */
  readonly tags: Tags;
};

export function order(terms: OrderTerms): Order {
  return {
    id: terms.id,
    market: terms.market,
    count: terms.count,
    orderedAt: terms.orderedAt,
    request: fleetRequest(terms),
  };
}

/** What every instance of an order carries from its first moment. */
export function instanceTags(terms: OrderTerms): Tags {
  return {
    ...terms.tags,
    Name: `updraft-${terms.annex}`,
    [TAG.annex]: terms.annex,
    [TAG.lease]: String(terms.leaseExpiration),
    [TAG.order]: terms.id,
    [TAG.orderedAt]: String(terms.orderedAt),
    [TAG.pool]: terms.pool,
    [TAG.schedd]: terms.schedd,
    [TAG.idle]: String(terms.idleSeconds),
    [TAG.owner]: terms.owner,
    ...(terms.project !== undefined && { [TAG.project]: terms.project }),
  };
}

/** At most 64 ASCII characters, which is what EC2 takes: an annex name has 27, an order id 16. */
export function clientToken(annex: string, orderId: string): string {
  return `updraft-${annex}-${orderId}`;
}

function fleetRequest(terms: OrderTerms): FleetRequest {
  const override = (type: string, subnet: string): FleetOverride => ({
    InstanceType: type,
    SubnetId: subnet,
    ImageId: terms.imageId,
    ...(terms.market === "spot" && terms.maxPrice !== undefined && { MaxPrice: dollars(terms.maxPrice) }),
  });
  const isRefused = (type: string, subnet: string): boolean =>
    (terms.refused ?? []).some((place) => place.type === type && place.subnet === subnet);
  const config = (template: LaunchTemplate, burstable: boolean) => ({
    LaunchTemplateSpecification: { LaunchTemplateId: template.id, Version: template.version },
    Overrides: terms.types
      .filter((type) => type.burstable === burstable)
      .flatMap(({ type }) =>
        terms.subnets.filter((subnet) => !isRefused(type, subnet)).map((subnet) => override(type, subnet)),
      ),
  });
  return {
    Type: "instant",
    ClientToken: clientToken(terms.annex, terms.id),
    TargetCapacitySpecification: {
      TotalTargetCapacity: terms.count,
      DefaultTargetCapacityType: terms.market,
    },
    ...(terms.market === "spot"
      ? { SpotOptions: { AllocationStrategy: "price-capacity-optimized" as const } }
      : {
          OnDemandOptions: {
            AllocationStrategy: "lowest-price" as const,
            // An override's price binds spot only; for on-demand EC2 takes the whole fleet's price by the hour.
            ...(terms.maxPrice !== undefined && { MaxTotalPrice: dollars(terms.maxPrice * terms.count) }),
          },
        }),
    LaunchTemplateConfigs: [config(terms.template, false), config(terms.burstableTemplate, true)].filter(
      (config) => config.Overrides.length > 0,
    ),
    TagSpecifications: [
      {
        ResourceType: "instance",
        Tags: Object.entries(instanceTags(terms)).map(([Key, Value]) => ({ Key, Value })),
      },
    ],
  };
}

/** Decimal USD without exponent or binary noise. */
function dollars(price: number): string {
  return price.toFixed(6).replace(/\.?0+$/, "");
}
