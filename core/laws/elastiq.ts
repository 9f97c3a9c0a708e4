import { fleet, ids, orderOf, rested } from "./fleet.ts";
import type { Law } from "./law.ts";

type Memory = {
  /** When each of the allegedly running machines stops to be credited. */
  readonly credits: readonly number[];
  readonly since: number | null;
};

/** Proportional with a credit for what was ordered within an assumed boot time. */
export function elastiq({
  threshold = 10,
  holdSeconds = 100,
  deploySeconds = 600,
  idleSeconds = 3600,
} = {}): Law<Memory> {
  return {
    name: "elastiq",
    source: "dberzano/elastiq (etc/elastiq.conf.example, src/elastiq)",
    simplified:
      "jobs per VM are its slots; queue and machines are looked at each tick; no min_vms and no max_vms",
    initial: { credits: [], since: null },
    idleSeconds: Number.POSITIVE_INFINITY,
    decide(seen, memory, limits) {
      const { now } = seen;
      const { idleCpus, slots, idle } = fleet(seen, limits);
      const credits = memory.credits.filter((end) => end > now);
      const waiting = idleCpus - slots * credits.length;
      const release = ids(rested(idle, now, idleSeconds));
      const stay = { order: [], release };
      if (waiting < threshold) {
        return { ...stay, reason: `${waiting} wait, below the threshold`, memory: { credits, since: null } };
      }
      if (memory.since === null || now - memory.since <= holdSeconds) {
        return { ...stay, reason: "holding", memory: { credits, since: memory.since ?? now } };
      }
      const count = Math.ceil(waiting / slots);
      const credited = Array.from({ length: count }, () => now + deploySeconds);
      return {
        order: orderOf(count),
        release,
        reason: `${waiting} wait beyond the credit`,
        memory: { credits: [...credits, ...credited], since: null },
      };
    },
  };
}
