import type { Instance } from "./instance.ts";
import type { UnixTime } from "./time.ts";
import { finite, list, numbers, record, text } from "./untrusted.ts";

/** A run of a job that the schedd believes in: with its host and shadow starts it is told from every other run. */
export type BelievedRun = {
  /** `cluster.proc` */
  readonly job: string;
  readonly instanceId: string;
  readonly remoteHost: string;
  readonly shadowStarts: number;
};

/** A slot that the collector shows of an instance. */
export type DeadSlot = { readonly name: string; readonly instanceId: string };

/** What HTCondor still shows of instances that are no more, and the means against it. */
export type Ghosts = {
  runs(instanceIds: readonly string[]): Promise<BelievedRun[]>;
  slots(instanceIds: readonly string[]): Promise<DeadSlot[]>;
  /** Tells the schedd to give up these very runs, if they still are what they were when looked at. */
  vacate(runs: readonly BelievedRun[]): Promise<void>;
  /** Takes the ads of these slots out of the collector. */
  withdraw(slots: readonly DeadSlot[]): Promise<void>;
  /**
   * Has the schedd look again which of its jobs are idle. It leaves out a job that waits for the answer of a matched
   * slot, and when that answer never comes it forgets to put the job back until its list is made anew.
   */
  rouse(expression: string): Promise<void>;
};

export type GhostMemory = {
  /** When EC2 first said of an instance that it is terminated. */
  readonly ended: Readonly<Record<string, UnixTime>>;
  /** Of these HTCondor shows nothing any more. */
  readonly laid: readonly string[];
  /** When something was last found of any. */
  readonly found?: UnixTime;
};

export const NO_GHOSTS: GhostMemory = { ended: {}, laid: [] };

export function parseGhosts(found: unknown): GhostMemory {
  const { ended, laid, found: last } = record(found);
  const at = finite(last);
  return { ended: numbers(ended), laid: list(laid, text), ...(at !== undefined && { found: at }) };
}

/** An instance of which so long nothing is shown has ended in order. */
const QUIET_SECONDS = 300;
/** HTCondor's own REQUEST_CLAIM_TIMEOUT and a little: so long a job may wait for a dead slot before it is forgotten. */
const FORGETTING_SECONDS = 1800 + 300;

/**
 * Terminated instances that may haunt HTCondor: EC2 has said so at an earlier look too, because whoever is believed
 * dead by mistake would lose its jobs.
 */
export function haunting(
  before: GhostMemory,
  instances: readonly Instance[],
  now: UnixTime,
): { readonly dead: readonly string[]; readonly memory: GhostMemory } {
  const terminated = instances.filter((one) => one.state === "terminated").map(({ id }) => id);
  const laid = new Set(before.laid);
  const ended = Object.fromEntries(
    terminated.filter((id) => !laid.has(id)).map((id) => [id, Math.min(now, before.ended[id] ?? now)]),
  );
  return {
    dead: Object.keys(ended).filter((id) => before.ended[id] !== undefined),
    memory: { ...before, ended, laid: terminated.filter((id) => laid.has(id)) },
  };
}

/** What was looked for in vain for long enough is looked for no more. */
export function layToRest(memory: GhostMemory, found: ReadonlySet<string>, now: UnixTime): GhostMemory {
  const isQuiet = ([id, since]: [string, UnixTime]): boolean =>
    now - since >= QUIET_SECONDS && !found.has(id);
  const ended = Object.entries(memory.ended);
  return {
    ...memory,
    ended: Object.fromEntries(ended.filter((one) => !isQuiet(one))),
    laid: [...memory.laid, ...ended.filter(isQuiet).map(([id]) => id)],
    ...(found.size > 0 && { found: now }),
  };
}

/** Whether a job may be forgotten, because a slot was offered lately whose node was no more. */
export function mayForget({ found }: GhostMemory, now: UnixTime): boolean {
  return found !== undefined && found <= now && now - found < FORGETTING_SECONDS;
}
