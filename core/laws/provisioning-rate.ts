import { fleet, orderOf } from "./fleet.ts";
import type { Law } from "./law.ts";

/** The seed's: each period σ_QI·X_Q instances per hour, whatever is in flight; fractions are carried over. */
export function provisioningRate({ perHour = 1, periodSeconds = 3600 } = {}): Law<{
  readonly next: number;
  readonly carried: number;
}> {
  return {
    name: "provisioning-rate",
    source: "the provisioning models of the condor_annex prototype: dX_I/dt = σ_QI·X_Q",
    simplified: "X_Q in machines; scale-in by the 20-minute idle timer alone",
    initial: { next: 0, carried: 0 },
    idleSeconds: 1200,
    decide(seen, memory, limits) {
      if (seen.now < memory.next) return { order: [], release: [], reason: "between two periods", memory };
      const { idleCpus, slots } = fleet(seen, limits);
      const wanted = (perHour * (periodSeconds / 3600) * idleCpus) / slots + memory.carried;
      const count = Math.floor(wanted);
      return {
        order: orderOf(count),
        release: [],
        reason: `${perHour}/h of ${idleCpus} idle CPUs`,
        memory: { next: seen.now + periodSeconds, carried: idleCpus === 0 ? 0 : wanted - count },
      };
    },
  };
}
