import { quote } from "./classad.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { longestRun } from "./last-stretch.ts";

/** Set on every job by the access point's drop-in and immutable there: the schedd that the job belongs to. */
export const SCHEDD_ATTRIBUTE = "UpdraftSchedd";

/** Everyone, or users (with `@`) and accounting groups (without). */
export type Owners = "*" | readonly string[];

/** Attributes of the job that the expression reads whatever `_JOBS` says; a slot must not have one of the same name. */
export const JOB_ATTRIBUTES = ["User", "AcctGroup", "TargetAnnexName", SCHEDD_ATTRIBUTE] as const;

/**
 * The one expression that says which jobs an annex is for: the filter over the queue and, word for word, the nodes'
 * START. Attributes have no scope, because a filter knows only the job, and START looks in the slot and then in the job.
 */
export function startExpression(p: { annex: string; schedd: string; jobs: string; owners: Owners }): string {
  const parts = [
    `(${p.jobs})`,
    `(TargetAnnexName =?= undefined || TargetAnnexName =?= ${quote(p.annex)})`,
    `(${SCHEDD_ATTRIBUTE} =?= ${quote(p.schedd)})`,
  ];
  if (p.owners !== "*") {
    const terms = p.owners.map((owner) =>
      owner.includes("@") ? `User =?= ${quote(owner)}` : `AcctGroup =?= ${quote(owner)}`,
    );
    parts.push(`(${terms.join(" || ")})`);
  }
  return parts.join(" && ");
}

/**
 * Which idle jobs the hook orders for: those that START lets in and, where a run time is expected of a job, that would
 * finish on a new instance. A node's own START asks the same about the time that the node has left.
 */
export function demandExpression(annex: AnnexKnobs, schedd: string): string {
  const start = startExpression({ annex: annex.name, schedd, jobs: annex.jobs, owners: annex.owners });
  if (annex.expectedRuntime === undefined) return start;
  const longest = longestRun(annex.drainSeconds, annex.leaseSeconds);
  return `${start} && ((${annex.expectedRuntime}) < ${longest}) =!= false`;
}
