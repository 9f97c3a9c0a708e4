import type { Ending } from "./end-of-life.ts";
import type { LastStretch } from "./last-stretch.ts";
import type { UnixTime } from "./time.ts";

/** HTCondor on this node, as seen just now. `unknown`: it did not answer. `gone`: there is no condor_master. */
export type Htcondor =
  | "unknown"
  | "gone"
  | {
      /** Slots that serve somebody, or are about to. */
      readonly claimed: number;
      readonly draining: "no" | "ours" | "another's";
    };

export type Observation = {
  readonly now: UnixTime;
  readonly ending: Ending;
  readonly released: boolean;
  readonly stretch: LastStretch;
  readonly htcondor: Htcondor;
  /** HTCondor was told to stop: there is no way back, because nobody would start it again. */
  readonly stopped: boolean;
  /** There has been no HTCondor for as long as a slot may be idle: whoever stopped it has forgotten the instance. */
  readonly deserted: boolean;
};

/**
 * `drain`: no job starts any more, running ones may finish. `drain if unclaimed`: the same, refused by the startd
 * itself when a slot is claimed, so that no claim slips in between a look and the power-off. `stop`: HTCondor hands
 * back what runs, takes its ads out of the collector, and ends.
 */
export type Action = "none" | "drain" | "drain if unclaimed" | "cancel drain" | "stop" | "power off";

export type Stage = "serving" | "refusing" | "draining" | "stopping" | "over";

export function stage({ now, ending, stretch }: Pick<Observation, "now" | "ending" | "stretch">): Stage {
  const left = ending.at - now;
  if (left <= 0) return "over";
  if (left <= stretch.stop) return "stopping";
  // What EC2 takes away within two minutes must not take another job.
  if (left <= stretch.drain || ending.reason === "interruption") return "draining";
  return left <= stretch.refuse ? "refusing" : "serving";
}

/** What the guard does now. It decides anew from what it sees each time, so that it may be killed at any instant. */
export function decide(observation: Observation): Action {
  const { htcondor, released, stopped, deserted } = observation;
  const current = stage(observation);
  if (stopped && current !== "over") return htcondor === "gone" ? "power off" : "stop";
  switch (current) {
    case "over":
      return "power off";
    case "stopping":
      // HTCondor that does not answer gets its chance until the end.
      return htcondor === "gone" ? "power off" : "stop";
    case "draining":
      if (htcondor === "gone") return "power off";
      if (htcondor === "unknown") return "none";
      if (htcondor.draining === "no") return "drain";
      return htcondor.claimed === 0 ? "stop" : "none";
    case "refusing":
    case "serving":
      if (deserted && typeof htcondor === "string") return "power off";
      if (htcondor === "unknown") return "none";
      if (released) {
        if (htcondor === "gone") return "power off";
        if (htcondor.draining === "no") return htcondor.claimed === 0 ? "drain if unclaimed" : "none";
        if (htcondor.claimed === 0) return "stop";
      }
      // A lease was renewed, a release was withdrawn or came too late; a drain that somebody else began is theirs.
      return htcondor !== "gone" && htcondor.draining === "ours" ? "cancel drain" : "none";
  }
}

const SERVING_NOBODY: ReadonlySet<string> = new Set(["Owner", "Unclaimed", "Drained"]);
/** Reason of a drain of ours, as the slots show it. */
export const DRAIN_REASON = "Updraft: the node is about to end";

/** Reads State and DrainReason of every slot, a line each, separated by a tab; undefined when there is no slot. */
export function readSlots(text: string): Htcondor {
  const slots = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
  if (slots.length === 0) return "unknown";
  // A slot that drains says since when, and keeps neither flag nor reason afterwards.
  const draining = slots.filter(([, drains]) => drains === "true");
  return {
    claimed: slots.filter(([state = ""]) => !SERVING_NOBODY.has(state)).length,
    draining:
      draining.length === 0
        ? "no"
        : draining.some(([, , reason]) => reason === DRAIN_REASON)
          ? "ours"
          : "another's",
  };
}
