import { arrivalRate, learnArrivals, NO_ARRIVALS, type Arrivals } from "./arrivals.ts";
import { fleet, ids, orderOf } from "./fleet.ts";
import type { Law } from "./law.ts";
import { leaseGate } from "./lease-gate.ts";
import { hazardOf, learnRunTimes, NO_RUN_TIMES, stayChance, survival, type RunTimes } from "./run-times.ts";

type Memory = {
  readonly runTimes: RunTimes;
  readonly arrivals: Arrivals;
  readonly gate: number;
  readonly looks: number;
};

const BOOT_HOURS = 4 / 60;
const LATE_SECONDS = 9 * 60;
const REFIT_LOOKS = 15;

/** The reference's second law, "FB": orders below and releases above a band around the forecast after a boot. */
export function forecastBand({ alpha = Number.NaN, kappa = Number.NaN } = {}): Law<Memory> {
  return {
    name: "forecast-band",
    source: "law FB of this project's model study",
    simplified: "jobs are counted in CPUs",
    initial: { runTimes: NO_RUN_TIMES, arrivals: NO_ARRIVALS, gate: 0, looks: 0 },
    idleSeconds: Number.POSITIVE_INFINITY,
    decide(seen, before, limits) {
      const { now } = seen;
      const { waitValue, tickSeconds } = limits;
      const logValue = Math.log10(waitValue);
      const keepFactor = Number.isNaN(alpha) ? 0.5 + logValue : alpha;
      const bear = Number.isNaN(kappa) ? 0.5 - 1.5 * logValue : kappa;
      const { slots, idleCpus, idle, busy, inFlight } = fleet(seen, limits);
      const runTimes = learnRunTimes(before.runTimes, seen, tickSeconds);
      const arrived = seen.arrived.reduce((sum, { count, cpus }) => sum + count * cpus, 0);
      const arrivals = learnArrivals(before.arrivals, arrived, tickSeconds);
      const s = survival(runTimes.all);
      const gate =
        before.looks % REFIT_LOOKS === 0
          ? leaseGate(s, limits.leaseSeconds / 3600, slots, BOOT_HOURS)
          : before.gate;
      const rate = arrivalRate(arrivals, tickSeconds);
      const stay = stayChance(hazardOf(runTimes.all), BOOT_HOURS);

      let x = idleCpus + rate * s.integral(BOOT_HOURS);
      let variance = rate * s.integral(BOOT_HOURS);
      let free = 0;
      let usable = 0;
      for (const one of [...idle, ...busy]) {
        const left = (one.leaseEnd - now) / 3600;
        if (left >= gate) free += one.free.cpus;
        if (left - BOOT_HOURS >= gate) usable++;
        else if (left > BOOT_HOURS) continue;
        for (const { started, request } of one.jobs) {
          const p = stay(now - started);
          x += p * request.cpus;
          variance += p * (1 - p) * request.cpus;
        }
      }
      const lasting = idle.filter(({ leaseEnd }) => (leaseEnd - now) / 3600 - BOOT_HOURS >= gate);
      const spent = idle.filter(({ leaseEnd }) => (leaseEnd - now) / 3600 < gate);
      const coming = inFlight.filter(({ ordered }) => now - ordered <= LATE_SECONDS).length;
      const deviation = Math.sqrt(variance);
      const lack = x - slots * (usable + coming);
      const pace = rate * (BOOT_HOURS + waitValue * (BOOT_HOURS + 1 / 60));
      const need = idleCpus - free - slots * coming;
      const beyond = lack - Math.max(0, bear) * deviation;
      const forWaiting =
        need > 0 && beyond > 0 ? Math.min(Math.ceil(need / slots), Math.ceil(beyond / slots)) : 0;
      const spare = bear < 0 && pace >= 1 ? Math.round((lack - bear * deviation) / slots) : 0;
      const count = Math.max(0, forWaiting, spare);
      const keep = pace < 1 ? 0 : Math.min(Math.max(1, keepFactor * deviation), Math.sqrt(2 * pace));
      const surplus = count === 0 ? Math.max(0, Math.round((-lack - keep) / slots)) : 0;
      return {
        order: orderOf(count),
        release: [...ids(spent), ...ids(lasting.slice(0, surplus))],
        refuseSeconds: gate * 3600,
        reason: `lack ${lack.toFixed(1)} slots after a boot, deviation ${deviation.toFixed(1)}`,
        memory: { runTimes, arrivals, gate, looks: before.looks + 1 },
      };
    },
  };
}
