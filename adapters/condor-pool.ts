import { quote } from "../core/classad.ts";
import type { FreeSlot } from "../core/demand.ts";
import type { Pool, PoolFacts } from "../core/sensors.ts";
import type { AnnexSlot } from "../core/supply.ts";
import { freeSlotConstraint, number, parseAds, resources, text, type Ad } from "./condor-ads.ts";
import { slot } from "./condor.ts";
import type { Run } from "./run.ts";

const QUERY_SECONDS = 10;

const FACTS = [
  "MyType",
  "Name",
  "LastNegotiationCycleEnd0",
  "IsAccountingGroup",
  "SurplusPolicy",
  "EffectiveQuota",
  "WeightedResourcesUsed",
  "MaxJobsRunning",
  "TotalRunningJobs",
  "JobsUnmaterialized",
  "StatsLastUpdateTime",
  "StatsLifetime",
  "RecentDaemonCoreDutyCycle",
];

const SLOT = [
  "AnnexName",
  "State",
  "Activity",
  "CloudInstanceID",
  "SlotType",
  "Start",
  "AnnexEnding",
  "AnnexRebalanceRecommended",
  "AnnexEndsAt",
  "JobStart",
  "RemoteUser",
  "Cpus",
  "Memory",
  "Disk",
  "GPUs",
  "TotalSlotCpus",
  "TotalSlotMemory",
  "TotalSlotDisk",
  "TotalSlotGPUs",
  "JobId",
  "DaemonStartTime",
];

const ATTRIBUTES = [...FACTS, ...SLOT].join(",");

/** All in one question: each starts a program, and answers to several would be of several moments. */
export function pool(run: Run): Pool {
  return async (annex, schedd) => {
    const annexSlots = `AnnexName =?= ${quote(annex)} && (AnnexSchedd =?= undefined || AnnexSchedd =?= ${quote(schedd)})`;
    const constraint = [
      'MyType == "Negotiator" || MyType == "Accounting" || MyType == "Collector"',
      `MyType == "Scheduler" && Name == ${quote(schedd)}`,
      `MyType == "Machine" && (${annexSlots} || ${freeSlotConstraint(annex)})`,
    ];
    const args = ["-any", "-constraint", constraint.map((one) => `(${one})`).join(" || ")];
    const output = await run("condor_status", [...args, "-attributes", ATTRIBUTES, "-json"], {
      timeoutSeconds: QUERY_SECONDS,
    });
    const ads = parseAds(output, "condor_status");
    const slots = ads.filter((ad) => ad["MyType"] === "Machine");
    return {
      facts: poolFacts(ads),
      annexSlots: slots.filter((ad) => isOf(ad, annex)).map(annexSlot),
      freeSlots: slots.filter((ad) => !isOf(ad, annex)).map(freeSlot),
    };
  };
}

const isOf = (ad: Ad, annex: string): boolean => ad["AnnexName"] === annex;

const freeSlot = (ad: Ad): FreeSlot => ({
  name: text(ad["Name"]) ?? "",
  free: resources(ad, ""),
  start: String(ad["Start"]),
});

function annexSlot(ad: Ad): AnnexSlot {
  return {
    ...slot(ad),
    free: resources(ad, ""),
    size: ad["SlotType"] === "Dynamic" ? undefined : resources(ad, "TotalSlot"),
    // A released node refuses jobs too, but it is asked whether to take its release back.
    accepting:
      ad["Start"] !== false &&
      ad["State"] !== "Drained" &&
      ad["AnnexEnding"] !== true &&
      ad["AnnexRebalanceRecommended"] !== true,
    endsAt: number(ad["AnnexEndsAt"]),
    job: text(ad["JobId"]),
    jobStarted: number(ad["JobStart"]),
    user: text(ad["RemoteUser"]),
    startedAt: number(ad["DaemonStartTime"]),
  };
}

/** A collector has no DaemonStartTime; one that keeps no statistics of itself counts as old. */
function startOf(ad: Ad): number {
  return (number(ad["StatsLastUpdateTime"]) ?? 0) - (number(ad["StatsLifetime"]) ?? 0);
}

function poolFacts(ads: readonly Ad[]): PoolFacts {
  const ofType = (type: string): Ad[] => ads.filter((ad) => ad["MyType"] === type);
  const [schedd] = ofType("Scheduler");
  const cycles = ofType("Negotiator").flatMap((ad) => number(ad["LastNegotiationCycleEnd0"]) ?? []);
  // Of several the youngest: any of them may be asked, and each knows what it has been told.
  const started = ofType("Collector").map(startOf);
  const most = number(schedd?.["MaxJobsRunning"]);
  return {
    negotiatedAt: cycles.length === 0 ? undefined : Math.max(...cycles),
    quotas: ofType("Accounting").flatMap((ad) => {
      // Only a group that takes no surplus is held to its quota.
      if (ad["IsAccountingGroup"] !== true || ad["SurplusPolicy"] !== "no") return [];
      const quota = number(ad["EffectiveQuota"]);
      if (quota === undefined) return [];
      return [{ group: text(ad["Name"]) ?? "", quota, used: number(ad["WeightedResourcesUsed"]) ?? 0 }];
    }),
    startable:
      schedd === undefined
        ? undefined
        : most === undefined
          ? Number.POSITIVE_INFINITY
          : Math.max(0, most - (number(schedd["TotalRunningJobs"]) ?? 0)),
    unmaterialized: number(schedd?.["JobsUnmaterialized"]) ?? 0,
    collectorStarted: started.length === 0 ? undefined : Math.max(...started),
    scheddDutyCycle: number(schedd?.["RecentDaemonCoreDutyCycle"]),
  };
}
