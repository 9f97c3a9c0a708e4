import { LATE_AFTER_SECONDS, type Instance } from "./instance.ts";
import type { Estimate } from "./model/estimate.ts";
import { estimateSpinUp, type SpinUp } from "./model/spin-up.ts";
import { BOOT_SECONDS } from "./node-boot.ts";
import { orderTime } from "./order-time.ts";
import type { AnnexSlot, Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";
import { finite, list, record, text } from "./untrusted.ts";

/** How long an instance took from its order to its daemons' start. */
export type Delay = { readonly id: string; readonly seconds: number };

/** So many delays tell the next one; older ones are of another time of EC2. */
const DELAYS = 60;
/** Beyond this a daemon was restarted, or a clock was wrong. */
const LONGEST_DELAY_SECONDS = 6 * 3600;

export function parseDelays(found: unknown): Delay[] {
  return list(found, (one) => {
    const [id, seconds] = [text(record(one)["id"]), finite(record(one)["seconds"])];
    const good = id !== undefined && seconds !== undefined && seconds > 0 && seconds < LONGEST_DELAY_SECONDS;
    return good ? { id, seconds } : undefined;
  }).slice(-DELAYS);
}

/** Adds the delays of instances that are seen with slots for the first time. */
export function learnDelays(
  known: readonly Delay[],
  instances: readonly Instance[],
  slots: readonly AnnexSlot[],
): Delay[] {
  const seen = new Set(known.map(({ id }) => id));
  const started = new Map(slots.flatMap(({ instanceId, startedAt }) => [[instanceId, startedAt]]));
  const fresh = instances.flatMap((one) => {
    const seconds = (started.get(one.id) ?? Number.NaN) - orderTime(one);
    const isDelay = !seen.has(one.id) && seconds > 0 && seconds < LONGEST_DELAY_SECONDS;
    return isDelay ? [{ id: one.id, seconds }] : [];
  });
  return [...known, ...fresh].slice(-DELAYS);
}

/** What is known of the delay of the next instance. */
export type SpinUpTimes = {
  /** Hours. */
  readonly delay: Estimate;
  /** Seconds within which 95 % join. */
  readonly p95: number;
  /**
   * An instance that takes longer is late: 99 % join within it, and a boot may take as long as it is allowed to. It is ten
   * minutes while no delay has been measured.
   */
  readonly lateAfterSeconds: number;
};

/** To the half minute: what is still under way changes the estimate slowly. */
const AGE_SECONDS = 30;

/**
 * The spin-up delay by those that joined and those still under way. An instance that is late tells nothing more: it may
 * never join.
 */
export function spinUpTimes(
  delays: readonly Delay[],
  members: readonly Member[],
  instances: readonly Instance[],
  now: UnixTime,
): SpinUpTimes {
  const waiting = new Set(members.filter((one) => one.progress === "in flight").map(({ id }) => id));
  const ages = instances
    .filter(({ id }) => waiting.has(id))
    .map((one) => Math.floor((now - one.launched) / AGE_SECONDS) * AGE_SECONDS)
    .filter((age) => age > 0);
  const observations: SpinUp[] = [
    ...delays.map(({ seconds }) => ({ from: seconds / 3600, to: seconds / 3600 })),
    ...[...Map.groupBy(ages, (age) => age)].map(([age, all]) => ({
      from: age / 3600,
      to: Number.POSITIVE_INFINITY,
      count: all.length,
    })),
  ];
  const { delay, within } = estimateSpinUp(observations);
  return {
    delay,
    p95: 3600 * within(0.95),
    lateAfterSeconds: delays.length === 0 ? LATE_AFTER_SECONDS : Math.max(BOOT_SECONDS, 3600 * within(0.99)),
  };
}
