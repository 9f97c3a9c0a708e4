import { UpdraftError } from "./errors.ts";
import { haunting, layToRest, mayForget, type GhostMemory, type Ghosts } from "./ghosts.ts";
import type { Instance } from "./instance.ts";
import type { UnixTime } from "./time.ts";
import { sense } from "./unmeasured.ts";
import type { Held } from "./veto.ts";

export type Laid = {
  readonly memory: GhostMemory;
  /** Jobs that the schedd believes to run on instances that are no more. */
  readonly jobs: number;
  readonly trouble?: Held;
};

/** A busy schedd is asked to give up so many runs at a time. */
const RUNS_AT_A_TIME = 200;

/**
 * Gives the jobs of terminated instances back to the queue and withdraws the ads of their slots, which would attract
 * further jobs. `expression` tells the annex's jobs; with `act` false it only looks.
 */
export async function layGhosts(
  ghosts: Ghosts,
  terms: {
    readonly before: GhostMemory;
    readonly instances: readonly Instance[];
    readonly expression: string;
    readonly act: boolean;
    readonly now: UnixTime;
  },
): Promise<Laid> {
  const { dead, memory } = haunting(terms.before, terms.instances, terms.now);
  const [runs, slots] =
    dead.length === 0
      ? [[], []]
      : await Promise.all([sense("Queue", ghosts.runs(dead)), sense("Collector", ghosts.slots(dead))]);
  const found = new Set([...runs, ...slots].map(({ instanceId }) => instanceId));
  const after = { memory: layToRest(memory, found, terms.now), jobs: runs.length };
  if (!terms.act) return after;
  let trouble: Held | undefined;
  const attempt = async (limitedBy: string, step: () => Promise<void>): Promise<void> => {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
      trouble ??= { limitedBy, reason: error.message };
    }
  };
  // First the ads: what is given back would be matched with them again.
  if (slots.length > 0) await attempt("Collector", () => ghosts.withdraw(slots));
  if (runs.length > 0) await attempt("Queue", () => ghosts.vacate(runs.slice(0, RUNS_AT_A_TIME)));
  if (mayForget(after.memory, terms.now)) await attempt("Queue", () => ghosts.rouse(terms.expression));
  return { ...after, ...(trouble !== undefined && { trouble }) };
}
