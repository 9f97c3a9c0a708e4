import { matches } from "./iam/wildcard.ts";
import type { Fault } from "./ports.ts";
import { uniform } from "./random.ts";

export type Faults = ReturnType<typeof faults>;

type Armed = { id: string; fault: Fault; skip: number; left: number; random: () => number };
type Kind = Fault["kind"];

/** The one place where things are made to go wrong, at run time. */
export function faults() {
  const armed = new Map<string, Armed>();
  let count = 0;
  return {
    add(fault: Fault): string {
      const id = fault.id ?? `fault-${++count}`;
      armed.set(id, {
        id,
        fault,
        skip: fault.skip ?? 0,
        left: fault.times ?? Infinity,
        random: uniform(fault.seed ?? 1),
      });
      return id;
    },
    remove(id: string): void {
      armed.delete(id);
    },
    list(): Fault[] {
      return [...armed.values()].map(({ id, fault }) => ({ ...fault, id }));
    },
    /** The first fault of these kinds that strikes now; one that struck often enough is gone. `also` narrows it further. */
    strike<K extends Kind>(
      kinds: readonly K[],
      target: { service: string; action: string; principal: string },
      also: (fault: Extract<Fault, { kind: K }>) => boolean = () => true,
    ): Extract<Fault, { kind: K }> | undefined {
      for (const one of armed.values()) {
        const fault = one.fault as Extract<Fault, { kind: K }>;
        if (!kinds.includes(fault.kind as K) || !aims(fault, target) || !also(fault)) continue;
        if (one.skip > 0) {
          one.skip--;
          continue;
        }
        if (fault.probability !== undefined && one.random() >= fault.probability) continue;
        one.left--;
        if (one.left <= 0) armed.delete(one.id);
        return { ...fault, id: one.id };
      }
      return undefined;
    },
  };
}

function aims(fault: Fault, target: { service: string; action: string; principal: string }): boolean {
  return (
    (fault.service === undefined || fault.service === target.service) &&
    (fault.action === undefined || matches(fault.action, target.action, true)) &&
    (fault.principal === undefined || matches(fault.principal, target.principal))
  );
}
