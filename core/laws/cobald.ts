import { fleet, ids, orderOf } from "./fleet.ts";
import type { Law } from "./law.ts";

/** An integrator on utilisation and allocation; drones that are too many are drained, the least used first. */
export function cobald({ low = 0.5, high = 0.5, coresPerSecond = 1 } = {}): Law<{ readonly demand: number }> {
  return {
    name: "cobald",
    source: "MatterMiners/cobald (controller/linear.py, composite/factory.py) and tardis (drone states)",
    simplified:
      "utilisation and allocation are the busy share of the joined drones' CPUs, or of what is in use when jobs wait; a step each tick",
    initial: { demand: 0 },
    idleSeconds: Number.POSITIVE_INFINITY,
    decide(seen, memory, limits) {
      const { slots, idle, busy, inFlight } = fleet(seen, limits);
      const supply = (idle.length + busy.length) * slots;
      const used = busy.reduce(
        (sum, { jobs }) => sum + jobs.reduce((n, { request }) => n + request.cpus, 0),
        0,
      );
      const utilisation = supply === 0 ? 1 : used / supply;
      const step = coresPerSecond * limits.tickSeconds;
      const change = utilisation < low ? -step : utilisation > high ? step : 0;
      const most = limits.maxInstances * slots;
      const demand = Math.min(most, Math.max(0, memory.demand + change));
      const wanted = Math.ceil(demand / slots - 1e-9);
      const have = idle.length + busy.length + inFlight.length;
      const order = Math.max(0, wanted - have);
      const byUse = [...idle, ...[...busy].sort((a, b) => a.jobs.length - b.jobs.length || a.id - b.id)];
      return {
        order: orderOf(order),
        release: ids(byUse.slice(0, Math.max(0, have - wanted))),
        reason: `utilisation ${utilisation.toFixed(2)}, demand ${demand.toFixed(0)} cores`,
        memory: { demand },
      };
    },
  };
}
