import type { Exclusion } from "./demand.ts";
import { plural } from "./plural.ts";
import type { Decision } from "./hook-decision.ts";
import type { Held } from "./veto.ts";

export type Explained = {
  /** Idle jobs of the annex's expression. */
  readonly jobs: number;
  readonly decision: Decision;
  /** Instances that wait for the first of their image to join. */
  readonly unproven?: number;
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
  readonly maxInstances: number;
  /** USD. */
  readonly maxLiability?: number | undefined;
  /** Why less is ordered than the caps would admit; its word stands for so many instances that are not ordered. */
  readonly heldBack?: (Held & { readonly instances: number }) | undefined;
};

const WHY: Readonly<Record<Exclusion, string>> = {
  ConcurrencyLimit: "held back by a concurrency limit",
  Quota: "held back by a quota",
  MaxJobsRunning: "held back by the schedd's MAX_JOBS_RUNNING",
  OwnerLimit: "of users who have OWNER_MAX_JOBS jobs there",
  OtherAnnex: "for which another annex has ordered",
  Shape: "larger than an instance of the annex's types",
  Requirements: "whose requirements an instance of the annex would not meet",
  NoStart: "that idle nodes of the annex match and that do not start there",
  Universe: "not of the vanilla universe",
  Deferred: "deferred",
  CoolDown: "cooling down",
  MinWait: "not passed over by negotiation yet and younger than MIN_WAIT",
  Starting: "about to start",
  FreeSlots: "for which free slots of the pool suffice",
  Factory: "not in the queue yet, as their late-materialized cluster holds them back",
};

/** What holds back most jobs; of equals the first in the list above. */
export function mainExclusion(excluded: Explained["excluded"]): Exclusion | undefined {
  let main: Exclusion | undefined;
  for (const why of Object.keys(WHY) as Exclusion[]) {
    if ((excluded[why] ?? 0) > (main === undefined ? 0 : (excluded[main] ?? 0))) main = why;
  }
  return main;
}

/** The decision in one word and one sentence, and the error if there was one. Nothing in them comes from a job. */
export function explain(
  p: Explained & { readonly veto: Held | undefined; readonly trouble: Held | undefined },
): { LimitedBy: string; Reason: string; LastError: string | undefined } {
  return {
    LimitedBy: word(p),
    Reason: sentence(p),
    LastError: p.trouble?.reason,
  };
}

function word(
  p: Explained & { readonly veto: Held | undefined; readonly trouble: Held | undefined },
): string {
  const { decision } = p;
  const idle = decision.order === 0 && decision.release.length === 0 && decision.withdraw.length === 0;
  // Advice that there is nothing to advise limits nothing.
  if (p.veto !== undefined && !(p.veto.limitedBy === "Advise" && idle)) return p.veto.limitedBy;
  if (p.trouble !== undefined) return p.trouble.limitedBy;
  if ((p.heldBack?.instances ?? 0) > 0) return p.heldBack?.limitedBy ?? "";
  if (decision.unaffordable > 0) return "Liability";
  if (decision.cut > 0) return "MaxInstances";
  if ((p.unproven ?? 0) > 0) return "Probe";
  if (decision.order > 0) return "None";
  return mainExclusion(p.excluded) ?? "None";
}

function sentence(
  p: Explained & { readonly veto: Held | undefined; readonly trouble: Held | undefined },
): string {
  const { decision } = p;
  const parts = [p.jobs === 0 ? "no idle job is for this annex" : `${p.jobs} idle ${plural(p.jobs, "job")}`];
  for (const why of Object.keys(WHY) as Exclusion[]) {
    const count = p.excluded[why] ?? 0;
    if (count > 0) parts.push(`${count} ${WHY[why]}`);
  }
  if (decision.needed > 0) {
    parts.push(
      `${decision.needed} more ${plural(decision.needed, "instance")} needed, ${decision.inFlight} on the way`,
    );
  }
  if (decision.why !== "") parts.push(decision.why);
  if (decision.cut > 0) parts.push(`MAX_INSTANCES ${p.maxInstances} cuts ${decision.cut}`);
  if (decision.unaffordable > 0) {
    parts.push(`MAX_LIABILITY ${p.maxLiability ?? 0} USD cuts ${decision.unaffordable}`);
  }
  if ((p.unproven ?? 0) > 0) {
    parts.push("one instance first, as no slot of the annex's image has been seen yet");
  }
  if (p.heldBack !== undefined) parts.push(p.heldBack.reason);
  const act =
    p.veto === undefined ? ["order", "release", "keep"] : ["would order", "would release", "would keep"];
  if (decision.order > 0) parts.push(`${act[0]} ${decision.order}`);
  if (decision.release.length > 0) parts.push(`${act[1]} ${decision.release.length} idle`);
  if (decision.withdraw.length > 0) parts.push(`${act[2]} ${decision.withdraw.length} released before`);
  if (p.veto !== undefined) parts.push(p.veto.reason);
  if (p.trouble !== undefined) parts.push(p.trouble.reason);
  return parts.join("; ");
}
