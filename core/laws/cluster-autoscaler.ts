import { machinesFor, place } from "../packing.ts";
import { fleet, ids, orderOf, rested } from "./fleet.ts";
import type { Law } from "./law.ts";

/** Pending work is packed on nodes that are coming, then on new ones; what has been unneeded for long is removed. */
export function clusterAutoscaler({
  unneededSeconds = 600,
  delayAfterAddSeconds = 600,
  provisionSeconds = 900,
} = {}): Law<{ readonly added: number }> {
  return {
    name: "cluster-autoscaler",
    source: "kubernetes/autoscaler, cluster-autoscaler (FAQ and core/scaleup, core/scaledown)",
    simplified:
      "one node group, a loop each tick instead of 10 s, no back-off, only empty nodes are removed because jobs are not moved",
    initial: { added: Number.NEGATIVE_INFINITY },
    idleSeconds: Number.POSITIVE_INFINITY,
    decide(seen, memory, limits) {
      const { idle, inFlight } = fleet(seen, limits);
      const machine = limits.offers[0]?.machine;
      const upcoming = inFlight.filter(({ ordered }) => seen.now - ordered <= provisionSeconds);
      const joined = seen.machines.filter((one) => one.joined !== undefined && !one.released);
      const places = [
        ...joined.map(({ free }) => free),
        ...(machine === undefined ? [] : upcoming.map(() => machine)),
      ];
      const { left } = place(seen.waiting, places);
      const count = machine === undefined ? 0 : machinesFor(left, machine).machines;
      const added = count > 0 ? seen.now : memory.added;
      const mayRemove = seen.now - added >= delayAfterAddSeconds;
      return {
        order: orderOf(count),
        release: mayRemove ? ids(rested(idle, seen.now, unneededSeconds)) : [],
        reason: `${count} beyond ${upcoming.length} upcoming`,
        // JSON has no infinity.
        memory: { added: Number.isFinite(added) ? added : -1e12 },
      };
    },
  };
}
