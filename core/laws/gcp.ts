import { fleet, ids, orderOf } from "./fleet.ts";
import type { Law } from "./law.ts";

/** A target of what is busy and what waits; idle machines are deleted at once. */
export function gcp({ minIdle = 0, gateHours = 0 } = {}): Law<null> {
  return {
    name: gateHours === 0 ? "gcp" : "gcp-gate",
    source:
      "GoogleCloudPlatform/cluster-toolkit, community/modules/compute/htcondor-execute-point (autoscaler.py)",
    simplified:
      "jobs are counted when they are idle at the tick, machines in flight are not deleted, ghosts do not exist; the lease gate is ours",
    initial: null,
    idleSeconds: Number.POSITIVE_INFINITY,
    decide(seen, memory, limits) {
      const { slots, idleCpus, idle, inFlight } = fleet(seen, limits);
      const needed = Math.ceil(idleCpus / slots);
      const change = minIdle - idle.length - inFlight.length + needed;
      const gone = ids(idle.slice(0, Math.max(0, -change)));
      const spent = ids(idle.filter(({ leaseEnd }) => leaseEnd - seen.now <= gateHours * 3600));
      return {
        order: orderOf(change),
        release: [...new Set([...gone, ...spent])],
        refuseSeconds: gateHours * 3600,
        reason: `${needed} needed, ${idle.length} idle, ${inFlight.length} in flight`,
        memory,
      };
    },
  };
}
