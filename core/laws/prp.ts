import { fleet, orderOf } from "./fleet.ts";
import type { Law } from "./law.ts";

/** A quarter of what waits, less what is unmatched; nodes end themselves. */
export function prp({ loopSeconds = 120, mostPods = 20, idleSeconds = 1200 } = {}): Law<{
  readonly next: number;
}> {
  return {
    name: "prp",
    source: "PRP htcondor-provisioner (prp_provisioner, k8s provisioner main loop)",
    simplified: "one cluster of requests; a pod is a machine and idle jobs are counted in machines",
    initial: { next: 0 },
    idleSeconds,
    decide(seen, memory, limits) {
      if (seen.now < memory.next) return { order: [], release: [], reason: "between two loops", memory };
      const { idleCpus, slots, idle, inFlight } = fleet(seen, limits);
      const waiting = Math.ceil(idleCpus / slots);
      const ramp = 1 + Math.floor(waiting / 4);
      const target =
        waiting === 0 ? 0 : Math.min(mostPods, ramp > 20 ? 20 + Math.floor((ramp - 20) / 4) : ramp);
      const unmatched = idle.length + inFlight.length;
      return {
        order: orderOf(target - unmatched),
        release: [],
        reason: `${target} for ${waiting} waiting, ${unmatched} unmatched`,
        memory: { next: seen.now + loopSeconds },
      };
    },
  };
}
