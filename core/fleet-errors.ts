import type { Market } from "./order.ts";
import type { FleetError } from "./ports.ts";
import { quotaOf } from "./quota.ts";
import type { UnixTime } from "./time.ts";

/** What a code of EC2 means for the next order. */
export type RefusalClass =
  /** There are no such instances now. */
  | "capacity"
  /** The zone never has that type. */
  | "not-offered"
  /** The subnet has no free address. */
  | "addresses"
  /** A limit of the account is reached. */
  | "quota"
  /** Spot costs more than is offered. */
  | "price"
  /** Not allowed: asking again changes nothing. */
  | "denied"
  /** Too many requests: the same one may be sent again. */
  | "throttled"
  | "other";

const CODES: Readonly<Record<Exclude<RefusalClass, "other">, readonly string[]>> = {
  capacity: [
    "InsufficientCapacity",
    "InsufficientCapacityOnHost",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "InsufficientReservedInstanceCapacity",
    "ReservationCapacityExceeded",
    "UnfulfillableCapacity",
  ],
  "not-offered": ["Unsupported"],
  addresses: ["InsufficientFreeAddressesInSubnet"],
  quota: [
    "InstanceLimitExceeded",
    "MaxFleetCountExceeded",
    "MaxSpotFleetRequestCountExceeded",
    "MaxSpotInstanceCountExceeded",
    "VcpuLimitExceeded",
  ],
  price: ["SpotMaxPriceTooLow"],
  denied: [
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
    "Blocked",
    "OptInRequired",
    "PendingVerification",
    "UnauthorizedOperation",
  ],
  throttled: [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
  ],
};

const CLASS_OF: ReadonlyMap<string, RefusalClass> = new Map(
  Object.entries(CODES).flatMap(([name, codes]) => codes.map((code) => [code, name as RefusalClass])),
);

export function refusalClass({ code, message }: Pick<FleetError, "code" | "message">): RefusalClass {
  // A fleet says by this code alone, among other things, that a zone does not have a type.
  if (
    code === "InvalidFleetConfiguration" &&
    /not supported in your requested Availability Zone/i.test(message)
  )
    return "not-offered";
  return CLASS_OF.get(code) ?? "other";
}

/** What EC2 refused, and until when it is not asked for it again. A part that is left out means all. */
export type Refusal = {
  readonly region: string;
  readonly code: string;
  readonly until: UnixTime;
  readonly market?: Market;
  readonly type?: string;
  readonly zone?: string;
  readonly subnet?: string;
  /** Code of the quota that the types share. */
  readonly quota?: string;
};

/** Capacity, addresses and quotas come and go: EC2 is asked again after so long. */
export const MINUTES = 300;
/** What a zone offers changes seldom. */
export const DAY = 86_400;

/** What to remember of an error of a fleet; undefined when the next order should ask for the same again. */
export function refusal(error: FleetError, region: string, now: UnixTime): Refusal | undefined {
  const { code, market, type, zone, subnet } = error;
  const about = (what: Omit<Refusal, "region" | "code" | "until">, seconds: number): Refusal => ({
    region,
    code,
    until: Math.floor(now) + seconds,
    ...what,
  });
  const inZone = type !== undefined && zone !== undefined ? { type, zone } : undefined;
  switch (refusalClass(error)) {
    case "capacity":
    case "price":
      return inZone && market && about({ market, ...inZone }, MINUTES);
    case "not-offered":
      return inZone && about(inZone, DAY);
    case "addresses":
      return subnet === undefined ? undefined : about({ subnet }, MINUTES);
    case "quota": {
      if (type === undefined || market === undefined) return undefined;
      const quota = quotaOf(type, market)?.code;
      return about({ market, ...(quota === undefined ? { type } : { quota }) }, MINUTES);
    }
    default:
      return undefined;
  }
}

/** The word for why a fleet gave too little: of several reasons the one that somebody must do something about. */
export function limitedBy(errors: readonly Pick<FleetError, "code" | "message">[]): string {
  const classes = new Set(errors.map(refusalClass));
  if (classes.has("denied")) return "Denied";
  if (classes.has("quota")) return "Quota";
  return "Capacity";
}
