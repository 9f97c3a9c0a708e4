import { knobName, type AnnexKnobs } from "../knobs.ts";
import type { Market } from "../order.ts";
import { quotaOf, type Quota } from "../quota.ts";
import { ok, warning, wrong, type Found } from "./findings.ts";
import type { RunningInstance, TypeFacts } from "./ports.ts";

export function marketsOf({ purchase }: AnnexKnobs): Market[] {
  return purchase === "spot-then-on-demand" ? ["spot", "on-demand"] : [purchase];
}

/** The quotas that an annex's orders count against, each with the most that _MAX_INSTANCES could ask of it. */
export function demands(
  annex: AnnexKnobs,
  types: readonly TypeFacts[],
): { quotas: Map<string, { quota: Quota; cpus: number }>; unknown: string[] } {
  const quotas = new Map<string, { quota: Quota; cpus: number }>();
  const unknown: string[] = [];
  for (const market of marketsOf(annex)) {
    for (const { type, cpus } of types) {
      const quota = quotaOf(type, market);
      if (quota === undefined) unknown.push(`${type} (${market})`);
      // EC2 chooses among the types, so the largest counts.
      else quotas.set(quota.code, { quota, cpus: Math.max(cpus, quotas.get(quota.code)?.cpus ?? 0) });
    }
  }
  return { quotas, unknown };
}

/** One quota against what runs in the account and what the annex may come to ask for. */
export function judgeQuota(p: {
  readonly annex: AnnexKnobs;
  readonly quota: Quota;
  /** vCPUs of the annex's largest type under this quota. */
  readonly cpus: number;
  readonly limit: number;
  readonly running: readonly RunningInstance[];
  /** vCPUs by type, of all that run. */
  readonly cpusOf: ReadonlyMap<string, number>;
}): Found {
  const { annex, quota, cpus, limit } = p;
  const used = p.running
    .filter((one) => quotaOf(one.type, one.spot ? "spot" : "on-demand")?.code === quota.code)
    .reduce((sum, one) => sum + (p.cpusOf.get(one.type) ?? 0), 0);
  const wanted = annex.maxInstances * cpus;
  const knob = knobName(annex.name, "MAX_INSTANCES");
  const facts = `${quota.name}: ${limit} vCPUs, of which ${used} run; ${annex.maxInstances} instances of ${cpus} vCPUs need ${wanted}`;
  const ask = `Ask for ${wanted} or more: aws service-quotas request-service-quota-increase --service-code ec2 --quota-code ${quota.code} --desired-value ${wanted} --region ${annex.region}; or lower ${knob}.`;
  if (cpus > limit) return wrong(`${facts}: not one of them can run`, ask);
  if (wanted > limit) return wrong(`${facts}: more than the quota`, ask);
  return used + cpus > limit
    ? warning(`${facts}: nothing is left now`, "Wait until something ends, or raise the quota.")
    : ok(facts);
}
