import type { AnnexKnobs } from "./knobs.ts";
import type { Resources } from "./packing.ts";
import { findTypes } from "./plan-order.ts";
import { smallest } from "./policy.ts";
import type { Ec2 } from "./ports.ts";
import type { Member } from "./supply.ts";

export type Machine = Resources;

/** Of a type's memory, firmware and kernel keep a little for themselves. */
export const USABLE_MEMORY = 0.93;

/**
 * What one further instance has for jobs: of every type the slot of an instance that is here, else the type's facts;
 * of several types the least, because EC2 chooses among them.
 */
export async function machineOf(
  ec2: Pick<Ec2, "instanceTypes">,
  annex: AnnexKnobs,
  members: readonly Member[],
): Promise<Machine> {
  const seen = new Map(members.flatMap((one) => (one.size === undefined ? [] : [[one.type, one.size]])));
  const unseen = annex.instanceTypes.filter((type) => !seen.has(type));
  const facts = unseen.length === 0 ? [] : await findTypes(ec2, unseen, annex);
  const machines = [
    ...annex.instanceTypes.flatMap((type) => seen.get(type) ?? []),
    ...facts.map(({ cpus, memory, gpus }) => ({
      cpus,
      memory: Math.floor(memory * USABLE_MEMORY),
      // Its disks are the image's and the launch template's matter.
      disk: Number.POSITIVE_INFINITY,
      gpus,
    })),
  ];
  return smallest(machines) ?? { cpus: 0, memory: 0, disk: 0, gpus: 0 };
}
