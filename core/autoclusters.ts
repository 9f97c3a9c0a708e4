import { Expression, number, text, type Ad, type AdValue } from "./ad-json.ts";
import { jobIds, mayBeAmong } from "./job-ids.ts";

/** Of how many autoclusters jobs are asked for one by one; of more, all jobs are. */
const STRANGE_AT_ONCE = 40;

export type Joined = {
  /** Ads of counted jobs, with all that is significant for their matching. */
  readonly known: readonly Ad[];
  /** The other jobs, which must be asked for by themselves: a ClassAd expression and how many they are. */
  readonly strange: { readonly expression: string; readonly count: number } | undefined;
};

/** The expression of all jobs. */
export const ALL = "true";

/**
 * Adds to ads of counted jobs what the schedd says of their autoclusters: within one, all jobs are alike in whatever
 * matters to matching, their Requirements first of all. These are long, and to count jobs by them takes the schedd as
 * long as by everything else together. A job has no autocluster before it has been negotiated for, nor after its
 * attributes have been edited; that it is in the one that its ad tells, the autocluster itself must confirm.
 */
export function withAutoclusters(jobs: readonly Ad[], autoclusters: readonly Ad[]): Joined {
  const clusters = new Map(autoclusters.map((ad) => [ad.get("autoclusterid"), ad]));
  const known: Ad[] = [];
  const strange: AdValue[] = [];
  let count = 0;
  for (const [id, ads] of Map.groupBy(jobs, idOf)) {
    const cluster = id === undefined ? undefined : clusters.get(id);
    if (cluster !== undefined && isOf(ads, cluster)) {
      for (const ad of ads) known.push(new Map([...cluster, ...ad]));
      continue;
    }
    strange.push(id);
    count += jobCount(ads);
  }
  if (strange.length === 0) return { known, strange: undefined };
  // Whoever edits it into something else shall not hide the job.
  const isPlain = strange.every((id) => id === undefined || Number.isSafeInteger(id));
  if (!isPlain || strange.length > STRANGE_AT_ONCE) {
    return { known: [], strange: { expression: ALL, count: jobCount(jobs) } };
  }
  const expression = strange.map((id) => `AutoClusterId =?= ${String(id)}`).join(" || ");
  return { known, strange: { expression, count } };
}

/** Of ads that count jobs. */
export const jobCount = (ads: readonly Ad[]): number =>
  ads.reduce((sum, ad) => sum + (number(ad.get("jobcount")) ?? 0), 0);

function idOf(ad: Ad): AdValue {
  const id = ad.get("autoclusterid");
  return id instanceof Expression && id.text === "undefined" ? undefined : id;
}

function isOf(ads: readonly Ad[], cluster: Ad): boolean {
  const all = idsOf(cluster);
  const some = ads.flatMap((ad) => idsOf(ad) ?? []);
  return (
    cluster.get("requirements") !== undefined &&
    all !== undefined &&
    some.length === ads.length &&
    mayBeAmong(some, all)
  );
}

const idsOf = (ad: Ad) => jobIds(number(ad.get("jobcount")) ?? 0, text(ad.get("jobids")) ?? "");
