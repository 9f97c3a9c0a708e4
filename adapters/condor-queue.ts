import type { IdleJob } from "../core/demand.ts";
import type { Resources } from "../core/packing.ts";
import type { Queue } from "../core/sensors.ts";
import { freeSlotConstraint, isExpression, number, parseAds, text, type Ad } from "./condor-ads.ts";
import type { Run } from "./run.ts";

const JOB_ATTRIBUTES = [
  "ClusterId",
  "ProcId",
  "JobUniverse",
  "EnteredCurrentStatus",
  "QDate",
  "AutoClusterId",
  "LastMatchTime",
  "DeferralTime",
  "DeferralPrepTime",
  "JobCoolDownExpiration",
  "ConcurrencyLimits",
  "User",
  "AcctGroup",
  "RequestCpus",
  "RequestMemory",
  "RequestDisk",
  "RequestGPUs",
];

const REQUESTS = ["RequestCpus", "RequestMemory", "RequestDisk", "RequestGPUs"] as const;
const QUERY_SECONDS = 15;
const MATCH_SECONDS = 10;

export function queue(run: Run): Queue {
  const query = async (constraint: string, attributes: readonly string[]): Promise<Ad[]> => {
    const args = ["-allusers", "-constraint", constraint, "-attributes", attributes.join(","), "-json"];
    return parseAds(await run("condor_q", args, { timeoutSeconds: QUERY_SECONDS }), "condor_q");
  };

  /** Requests that are expressions, as those of jobs that ask for nothing themselves: HTCondor evaluates them. */
  async function evaluated(ads: readonly Ad[]): Promise<Ad[]> {
    const shape = (ad: Ad): string =>
      JSON.stringify([ad["AutoClusterId"], ...REQUESTS.map((name) => ad[name])]);
    const examples = new Map<string, Ad>();
    for (const ad of ads) {
      if (REQUESTS.some((name) => isExpression(ad[name]))) examples.set(shape(ad), ad);
    }
    if (examples.size === 0) return [...ads];
    const ids = [...examples.values()].map(jobId);
    const output = await run("condor_q", ["-allusers", ...ids, "-af:j", ...REQUESTS], {
      timeoutSeconds: QUERY_SECONDS,
    });
    const values = new Map(
      output.split("\n").map((line) => {
        const [id = "", ...words] = line.trim().split(/\s+/);
        return [id, words.map(Number)] as const;
      }),
    );
    return ads.map((ad) => {
      const example = examples.get(shape(ad));
      const found = example && values.get(jobId(example));
      if (found === undefined) return ad;
      return { ...ad, ...Object.fromEntries(REQUESTS.map((name, i) => [name, found[i]])) };
    });
  }

  return {
    async idleJobs(expression) {
      const ads = await query(`JobStatus == 1 && (${expression})`, JOB_ATTRIBUTES);
      return (await evaluated(ads)).map(idleJob);
    },
    async rejections(withinSeconds) {
      const ads = await query(`LastRejMatchTime > time() - ${withinSeconds}`, [
        "AutoClusterId",
        "LastRejMatchTime",
        "LastRejMatchReason",
      ]);
      return ads.flatMap((ad) => {
        const autocluster = number(ad["AutoClusterId"]);
        const at = number(ad["LastRejMatchTime"]);
        if (autocluster === undefined || at === undefined) return [];
        return [{ autocluster, at, reason: text(ad["LastRejMatchReason"])?.trim() ?? "" }];
      });
    },
    async matches(jobIds, annex) {
      if (jobIds.length === 0) return new Map();
      const args = [
        "-allusers",
        "-better-analyze:summary",
        ...jobIds,
        "-mconstraint",
        freeSlotConstraint(annex),
      ];
      return parseSummary(await run("condor_q", args, { timeoutSeconds: MATCH_SECONDS }));
    },
  };
}

function jobId(ad: Ad): string {
  return `${number(ad["ClusterId"]) ?? 0}.${number(ad["ProcId"]) ?? 0}`;
}

function idleJob(ad: Ad): IdleJob {
  const time = (name: string): number | undefined => number(ad[name]);
  const deferral = time("DeferralTime");
  return {
    id: jobId(ad),
    universe: number(ad["JobUniverse"]) ?? 0,
    idleSince: time("EnteredCurrentStatus") ?? time("QDate") ?? 0,
    autocluster: number(ad["AutoClusterId"]),
    matchedAt: time("LastMatchTime"),
    deferredUntil: deferral === undefined ? undefined : deferral - (time("DeferralPrepTime") ?? 0),
    coolDownUntil: time("JobCoolDownExpiration"),
    hasConcurrencyLimits: ad["ConcurrencyLimits"] !== undefined && ad["ConcurrencyLimits"] !== null,
    user: text(ad["User"]),
    group: text(ad["AcctGroup"]),
    request: resources(ad, "Request"),
  };
}

/** The attributes with this prefix; one that is missing or has no number counts as nothing, and a CPU is the least. */
export function resources(ad: Ad, prefix: "" | "Request" | "TotalSlot"): Resources {
  const amount = (name: string): number => Math.max(0, number(ad[`${prefix}${name}`]) ?? 0);
  const cpus = amount("Cpus");
  return {
    cpus: prefix === "Request" && cpus === 0 ? 1 : cpus,
    memory: amount("Memory"),
    disk: amount("Disk"),
    gpus: amount("GPUs"),
  };
}

/**
 * Rows of `-better-analyze:summary`: job, members/idle, slots that the job's requirements take, slots that refuse
 * the job, slots that run the user's or others' jobs, available slots, owner.
 */
export function parseSummary(output: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of output.split("\n")) {
    const row = /^\s*(\d+\.\d+)\s+\d+\/\d+\s+\d+\s+\d+\s+\d+\s+\d+\s+(\d+)\s/.exec(`${line} `);
    if (row !== null) found.set(row[1] ?? "", Number(row[2]));
  }
  return found;
}
