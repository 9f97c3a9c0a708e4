import { total } from "../packing.ts";
import type { Limits, MachineSeen, Observation, Order } from "./law.ts";

/** What the laws of others look at: numbers of machines of one size, and jobs in slots of one CPU. */
export type Fleet = {
  readonly slots: number;
  readonly idleJobs: number;
  /** CPUs that the idle jobs ask for. */
  readonly idleCpus: number;
  readonly busyCpus: number;
  readonly inFlight: readonly MachineSeen[];
  /** Empty ones, longest idle first. */
  readonly idle: readonly MachineSeen[];
  readonly busy: readonly MachineSeen[];
};

export function fleet({ now, waiting, machines }: Observation, { offers }: Limits): Fleet {
  const staying = machines.filter(({ released }) => !released);
  const joined = staying.filter((one) => one.joined !== undefined);
  return {
    slots: offers[0]?.machine.cpus ?? 1,
    idleJobs: total(waiting),
    idleCpus: waiting.reduce((sum, { cpus, count }) => sum + cpus * count, 0),
    busyCpus: machines.reduce(
      (sum, { jobs }) => sum + jobs.reduce((n, { request }) => n + request.cpus, 0),
      0,
    ),
    inFlight: staying.filter((one) => one.joined === undefined),
    idle: joined
      .filter(({ jobs }) => jobs.length === 0)
      .sort((a, b) => (a.idleSince ?? now) - (b.idleSince ?? now)),
    busy: joined.filter(({ jobs }) => jobs.length > 0),
  };
}

export function orderOf(count: number): readonly Order[] {
  return count >= 1 ? [{ offer: 0, count: Math.floor(count) }] : [];
}

export function ids(machines: readonly MachineSeen[]): number[] {
  return machines.map(({ id }) => id);
}

/** Those that have been idle for at least so long. */
export function rested(machines: readonly MachineSeen[], now: number, seconds: number): MachineSeen[] {
  return machines.filter(({ idleSince }) => idleSince !== undefined && now - idleSince >= seconds);
}
