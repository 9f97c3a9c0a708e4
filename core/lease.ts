import { TAG, type Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** Longest lease unless the account's stack says otherwise. */
export const DEFAULT_MAX_LEASE_SECONDS = 7 * 86400;
/** No account's longest lease may be set beyond it; the template says the same. */
export const LONGEST_MAX_LEASE_SECONDS = 365 * 86400;
/** Shortest lease that can be ordered: below it a node would spend its life booting and draining. */
export const MIN_LEASE_SECONDS = 60;
/** An instance whose lease cannot be believed ends this long after its launch. */
export const UNREADABLE_LEASE_SECONDS = 600;
/** Difference between two clocks that is taken for skew, not for an over-long lease. */
export const CLOCK_SKEW_SECONDS = 120;

/** End of the lease that the tag names; undefined when it is missing, malformed or beyond now + maxLeaseSeconds. */
export function leaseExpiration(tags: Tags, now: UnixTime, maxLeaseSeconds: number): UnixTime | undefined {
  const value = tags[TAG.lease];
  if (value === undefined || !/^\d{1,12}$/.test(value)) return undefined;
  const expiration = Number(value);
  return expiration <= now + maxLeaseSeconds + CLOCK_SKEW_SECONDS ? expiration : undefined;
}
