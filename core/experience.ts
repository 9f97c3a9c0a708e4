import type { AttributeValue } from "./classad.ts";
import { estimateAttributes, priors, rateEstimates } from "./estimates.ts";
import {
  addFlows,
  flowsBetween,
  sighting,
  parseBins,
  parseSighting,
  type Bin,
  type Sighting,
} from "./flows.ts";
import type { Instance } from "./instance.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { orderTime } from "./order-time.ts";
import { learnDelays, parseDelays, spinUpTimes, type Delay } from "./spin-up-times.ts";
import type { AnnexSlot, Member } from "./supply.ts";
import type { UnixTime } from "./time.ts";
import { finite, record } from "./untrusted.ts";

/** What the hook has seen of an annex's rates and delays. Losing it costs the estimates, which begin anew. */
export type Experience = {
  readonly last?: Sighting;
  readonly bins: readonly Bin[];
  readonly delays: readonly Delay[];
  /** By what was known at the last look; undefined before the first. */
  readonly lateAfterSeconds?: number;
};

export const NO_EXPERIENCE: Experience = { bins: [], delays: [] };

export function parseExperience(found: unknown): Experience {
  const { last, bins, delays, lateAfterSeconds } = record(found);
  const [before, late] = [parseSighting(last), finite(lateAfterSeconds)];
  return {
    ...(before !== undefined && { last: before }),
    bins: parseBins(bins),
    delays: parseDelays(delays),
    ...(late !== undefined && late > 0 && { lateAfterSeconds: late }),
  };
}

export type Seen = {
  readonly annex: AnnexKnobs;
  readonly negotiatorIntervalSeconds: number;
  readonly now: UnixTime;
  /** Idle jobs of the annex, and those of them that came to wait since the last look. */
  readonly queued: number;
  readonly arrived: number;
  /** Jobs that are not in the queue yet. */
  readonly unmaterialized: number;
  readonly instances: readonly Instance[];
  readonly members: readonly Member[];
  readonly slots: readonly AnnexSlot[];
};

/** What one more look teaches, and the estimates by it. */
export function learn(
  before: Experience,
  seen: Seen,
): { readonly experience: Experience; readonly attributes: Readonly<Record<string, AttributeValue>> } {
  const { annex, now, instances, members, slots } = seen;
  const here = sighting(now, seen.queued, members, slots);
  const flows = flowsBetween(before.last, here, {
    arrived: seen.arrived,
    ordered: instances.filter((one) => within(orderTime(one), before.last?.at, now)).length,
    slots,
  });
  const bins = flows === undefined ? before.bins : addFlows(before.bins, now, flows);
  const delays = learnDelays(before.delays, instances, slots);
  const times = spinUpTimes(delays, members, instances, now);
  const rates = rateEstimates(bins, priors(annex, seen.negotiatorIntervalSeconds));
  return {
    experience: { last: here, bins, delays, lateAfterSeconds: times.lateAfterSeconds },
    attributes: estimateAttributes(rates, times, seen.unmaterialized > 0),
  };
}

/** Tags have whole seconds. */
function within(at: UnixTime, from: UnixTime | undefined, to: UnixTime): boolean {
  return from !== undefined && at >= Math.floor(from) && at < Math.floor(to);
}
