import { fits, place, total, type Shape } from "../packing.ts";
import type { Limits, MachineSeen } from "./law.ts";
import { packOnOffers } from "./offers.ts";

export type UnmetDemand = {
  /** Instances that the jobs need beyond what has joined. */
  readonly needed: number;
  readonly inFlight: number;
  /** Jobs that no offer could hold. */
  readonly tooLarge: number;
  /** What is to be ordered: counting what is in flight is what keeps one from ordering the same demand every minute. */
  readonly unmet: number;
};

/** What jobs need that nothing else would take, less what is on its way. Whole instances. */
export function unmetDemand(
  waiting: readonly Shape[],
  machines: readonly MachineSeen[],
  { offers }: Pick<Limits, "offers">,
): UnmetDemand {
  const open = machines.filter((one) => one.joined !== undefined && !one.released);
  const { left } = place(
    waiting,
    open.map((one) => one.free),
  );
  const needed = total(packOnOffers(left, offers));
  const inFlight = machines.filter((one) => one.joined === undefined && !one.released).length;
  const tooLarge = total(left.filter((shape) => offers.every(({ machine }) => fits(shape, machine) === 0)));
  return { needed, inFlight, tooLarge, unmet: Math.max(0, needed - inFlight) };
}
