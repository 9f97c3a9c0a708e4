import { machinesFor, place } from "../packing.ts";
import { fleet, ids, orderOf, rested } from "./fleet.ts";
import type { Law } from "./law.ts";
import { unmetDemand } from "./unmet-demand.ts";

const LATE_SECONDS = 600;

/** The hook's first law with its release: what the jobs need less what is on its way; idle for `restSeconds` is let go. */
export function unmetDemandLaw({ restSeconds = 120 } = {}): Law<null> {
  return {
    name: "unmet-demand",
    source: "the hook's first law (core/policy.ts)",
    simplified: "jobs are unserved when they are idle at the tick",
    initial: null,
    decide(seen, memory, limits) {
      const { idle, inFlight } = fleet(seen, limits);
      const free = seen.machines.filter((one) => one.joined !== undefined && !one.released);
      const machine = limits.offers[0]?.machine;
      const { left } = place(
        seen.waiting,
        free.map((one) => one.free),
      );
      const needed = machine === undefined ? 0 : machinesFor(left, machine).machines;
      const coming = inFlight.filter(({ ordered }) => seen.now - ordered <= LATE_SECONDS).length;
      return {
        order: orderOf(unmetDemand({ needed, inFlight: coming })),
        release: needed > 0 ? [] : ids(rested(idle, seen.now, restSeconds)),
        reason: `${needed} needed, ${coming} in flight`,
        memory,
      };
    },
  };
}
