import { CLOCK_SKEW_SECONDS } from "./lease.ts";
import { formatDuration, type UnixTime } from "./time.ts";

/** Why nothing is done, in one word and one sentence. */
export type Held = { readonly limitedBy: string; readonly reason: string };

/** Longest that an order may be older than the last complete sweep: without an enforcer no lease is certain. */
export const SWEEP_SECONDS = 300;
const NEGOTIATION_SECONDS = 300;
/** What HTCondor's manual calls saturated. */
const MOST_BUSY = 0.98;
/** A startd is as late with its update as this share of the interval. */
const UPDATE_SLACK = 1.2;

/** When the enforcer last completed a sweep; undefined when its mark is missing or unreadable. */
export function parseLastSweep(bytes: Uint8Array | undefined): UnixTime | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { sweptAt } = JSON.parse(new TextDecoder().decode(bytes)) as { sweptAt?: unknown };
    return typeof sweptAt === "number" && Number.isFinite(sweptAt) ? sweptAt : undefined;
  } catch {
    return undefined;
  }
}

/** Why nothing may be ordered or released, though everything could be measured; undefined when it may. */
export function veto(p: {
  readonly mode: "advise" | "act";
  readonly stop: boolean;
  readonly now: UnixTime;
  readonly sweptAt: UnixTime | undefined;
  readonly negotiatedAt: UnixTime | undefined;
  readonly negotiatorIntervalSeconds: number;
  readonly scheddKnown: boolean;
  readonly collectorStarted: UnixTime | undefined;
  readonly updateIntervalSeconds: number;
  readonly scheddDutyCycle: number | undefined;
}): Held | undefined {
  if (p.stop) return { limitedBy: "Stop", reason: "UPDRAFT_STOP is set" };
  if (p.sweptAt === undefined) {
    return { limitedBy: "Enforcer", reason: "no mark of a complete sweep of the lease enforcer can be read" };
  }
  // The enforcer runs by the cloud's clock, so it tells when this machine's is wrong.
  if (p.sweptAt > p.now + CLOCK_SKEW_SECONDS) {
    return {
      limitedBy: "Clock",
      reason: `this machine's clock is ${formatDuration(p.sweptAt - p.now)} behind that of the lease enforcer`,
    };
  }
  if (p.now - p.sweptAt > SWEEP_SECONDS) {
    return {
      limitedBy: "Enforcer",
      reason: `the lease enforcer has not completed a sweep for ${formatDuration(p.now - p.sweptAt)}, or this machine's clock is wrong`,
    };
  }
  const young = youngCollector(p);
  if (young !== undefined) return young;
  if (!p.scheddKnown) return { limitedBy: "Collector", reason: "the collector does not know this schedd" };
  if (p.negotiatedAt === undefined) {
    return { limitedBy: "Negotiator", reason: "the collector knows no negotiator that has negotiated" };
  }
  const silent = p.now - p.negotiatedAt;
  if (silent > Math.max(NEGOTIATION_SECONDS, 5 * p.negotiatorIntervalSeconds)) {
    return {
      limitedBy: "Negotiator",
      reason: `the pool has not negotiated for ${formatDuration(silent)}, so nobody knows what it could serve`,
    };
  }
  if (p.scheddDutyCycle !== undefined && p.scheddDutyCycle > MOST_BUSY) {
    return {
      limitedBy: "Schedd",
      reason: `the schedd has no time left (RecentDaemonCoreDutyCycle ${p.scheddDutyCycle.toFixed(2)}), so that it would not start what is ordered for`,
    };
  }
  return p.mode === "advise" ? { limitedBy: "Advise", reason: "the annex's _MODE is advise" } : undefined;
}

/** A collector that has just started knows only some of the slots: what it does not show may be free all the same. */
function youngCollector(p: {
  readonly now: UnixTime;
  readonly collectorStarted: UnixTime | undefined;
  readonly updateIntervalSeconds: number;
}): Held | undefined {
  if (p.collectorStarted === undefined) {
    return { limitedBy: "Collector", reason: "the collector does not show itself" };
  }
  const age = p.now - p.collectorStarted;
  if (age >= UPDATE_SLACK * p.updateIntervalSeconds) return undefined;
  return {
    limitedBy: "Collector",
    reason: `the collector has been running for ${formatDuration(age)} only, and startds tell it of their slots every ${formatDuration(p.updateIntervalSeconds)}`,
  };
}
