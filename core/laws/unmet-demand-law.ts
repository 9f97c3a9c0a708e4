import { fleet, ids, orderOf, rested } from "./fleet.ts";
import type { Law } from "./law.ts";
import { unmetDemand } from "./unmet-demand.ts";

const LATE_SECONDS = 600;

/** Visible demand alone: what the jobs need less what is on its way; idle for `restSeconds` is let go. */
export function unmetDemandLaw({ restSeconds = 120 } = {}): Law<null> {
  return {
    name: "unmet-demand",
    source: "the hook's first law",
    simplified: "jobs are unserved when they are idle at the tick",
    initial: null,
    decide(seen, memory, limits) {
      const { idle } = fleet(seen, limits);
      const timely = seen.machines.filter(
        (one) => !one.released && (one.joined !== undefined || seen.now - one.ordered <= LATE_SECONDS),
      );
      const { needed, inFlight, unmet } = unmetDemand(seen.waiting, timely, limits);
      return {
        order: orderOf(unmet),
        release: needed > 0 ? [] : ids(rested(idle, seen.now, restSeconds)),
        reason: `${needed} needed, ${inFlight} in flight`,
        memory,
      };
    },
  };
}
