import { estimateRate, periodsBetween, type Estimate, type Prior } from "../../../core/model/estimate.ts";
import { PRINTED, type ModelParameters } from "../../../core/model/parameters.ts";
import { estimateSpinUp } from "../../../core/model/spin-up.ts";
import { simulate, type SimulatedPool } from "./simulated-pool.ts";

/** Nothing is known beforehand but the rough size of a rate per hour. */
const PRIOR: Prior = { value: 1, low: 0.01, high: 100 };

export type Coverage = Readonly<
  Record<
    keyof ModelParameters | "spinUpDelay",
    { readonly estimates: number; readonly share: number } | undefined
  >
>;

/** The share of simulated pools, of those that gave an estimate, in which the 90 % interval holds the true value. */
export function coverage(
  pool: Omit<SimulatedPool, "seed" | "variant">,
  runs: number,
  firstSeed: number,
): Coverage {
  const held = new Map<keyof Coverage, boolean[]>();
  const note = (name: keyof Coverage, truth: number, estimate: Estimate | undefined): void => {
    if (estimate === undefined) return;
    const all = held.get(name) ?? [];
    all.push(estimate.low <= truth && truth <= estimate.high);
    held.set(name, all);
  };
  for (let run = 0; run < runs; run++) {
    const { readings, spinUps } = simulate({ ...pool, variant: PRINTED, seed: firstSeed + run });
    const polled = {
      submissionRate: readings("submitted", () => 1),
      matchRate: readings("started", ({ queued, idle }) => queued * idle),
      provisioningRate: readings("ordered", ({ queued }) => queued),
      completionRate: readings("completed", ({ busy }) => busy),
      idleTerminationRate: readings("idleEnded", ({ idle }) => idle),
      runningTerminationRate: readings("busyEnded", ({ busy }) => busy),
    };
    for (const name of Object.keys(polled) as (keyof ModelParameters)[])
      note(name, pool.parameters[name], estimateRate(periodsBetween(polled[name], 1), PRIOR));
    note("spinUpDelay", pool.medianSpinUp, estimateSpinUp(spinUps).delay);
  }
  return Object.fromEntries(
    [...held].map(([name, all]) => [
      name,
      { estimates: all.length, share: all.filter((one) => one).length / all.length },
    ]),
  ) as Coverage;
}
