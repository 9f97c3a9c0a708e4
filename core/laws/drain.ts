import type { MachineSeen } from "./law.ts";

/** A busy machine, and what it could give to further jobs after a boot, in machines. */
export type Drained = { readonly machine: MachineSeen; readonly provides: number };

/** Draining leaves at least so much surplus in hand, in machines. */
const RESERVE = 2;

/** Emptying part-filled machines, so that what is idle becomes whole machines that can end. */
export const drainCandidates = {
  /** Machines to take no further job, those with the fewest first, while the surplus holds without them. */
  release(busy: readonly Drained[], surplus: number): number[] {
    let left = surplus;
    const ids: number[] = [];
    const order = [...busy].sort(
      (a, b) =>
        a.machine.jobs.length - b.machine.jobs.length ||
        b.provides - a.provides ||
        a.machine.id - b.machine.id,
    );
    for (const { machine, provides } of order) {
      if (left < provides + RESERVE) break;
      left -= provides;
      ids.push(machine.id);
    }
    return ids;
  },
  /** Drained ones to keep after all, those with the least room first, until the lack is met. */
  withdraw(
    drained: readonly Drained[],
    lack: number,
  ): { readonly withdraw: number[]; readonly gained: number } {
    let gained = 0;
    const withdraw: number[] = [];
    const order = [...drained].sort((a, b) => a.provides - b.provides || a.machine.id - b.machine.id);
    for (const { machine, provides } of order) {
      if (gained >= lack) break;
      gained += provides;
      withdraw.push(machine.id);
    }
    return { withdraw, gained };
  },
};
