import type { NodeState } from "./node-state.ts";
import { CLOCKS_AGREE_SECONDS, timeAt } from "./true-time.ts";
import type { UnixTime } from "./time.ts";

/** HTCondor runs updraft-startd so often; condor-config/node.config says the same. */
export const PUBLISH_SECONDS = 30;
/** A guard that lives writes more than twice in this time. Each second more is one less for HTCondor to end the node. */
const GUARD_SILENT_SECONDS = 12;

export type NodeEnd = {
  /** In the time of this machine's wall clock, which HTCondor on it goes by. */
  readonly endsAt: UnixTime;
  readonly guarded: boolean;
  /** HTCondor must end the node now. */
  readonly ending: boolean;
  /** Seconds after which `ending` becomes true, if the guard goes on as it is. */
  readonly endingIn: number;
  /** The same should the guard fall silent. */
  readonly earliestIn: number;
};

/** The node's end as HTCondor must see it, from what the guard wrote last, this machine's wall clock and its uptime. */
export function nodeEnd(state: NodeState, wall: UnixTime, uptime: number): NodeEnd | undefined {
  const { guard, htcondorEndSeconds = 0 } = state;
  if (guard === undefined) return undefined;
  const guarded = uptime - guard.anchor.uptime < GUARD_SILENT_SECONDS;
  const left = guard.endsAt - timeAt(guard.anchor, uptime);
  const local = wall + left;
  // What is published does not flicker.
  const endsAt = Math.abs(local - guard.endsAt) < CLOCKS_AGREE_SECONDS ? guard.endsAt : Math.round(local);
  const earliestIn = left - htcondorEndSeconds;
  const endingIn = guarded ? left : earliestIn;
  return { endsAt, guarded, ending: endingIn <= 0, endingIn, earliestIn };
}
