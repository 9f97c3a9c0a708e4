import type { AttributeValue } from "./classad.ts";
import { UpdraftError } from "./errors.ts";
import { FLOWS, type Bin } from "./flows.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { equilibrium } from "./model/equilibrium.ts";
import { currentPeriods, estimateRate, type Estimate, type Prior } from "./model/estimate.ts";
import { hopf } from "./model/hopf.ts";
import type { ModelParameters, ModelVariant } from "./model/parameters.ts";
import { stabilityVerdict, type RateEstimates } from "./model/verdict.ts";
import type { SpinUpTimes } from "./spin-up-times.ts";

/** Of the rates per hour, before anything was seen. */
export function priors(
  annex: AnnexKnobs,
  negotiatorIntervalSeconds: number,
): Readonly<Record<keyof ModelParameters, Prior>> {
  const around = (value: number, factor: number): Prior => ({
    value,
    low: value / factor,
    high: value * factor,
  });
  return {
    submissionRate: around(10, 100),
    // A job waits half a cycle of negotiation in the mean.
    matchRate: around((2 * 3600) / negotiatorIntervalSeconds, 4),
    // Whatever is needed is ordered within a minute, two jobs to an instance.
    provisioningRate: around(30, 10),
    completionRate: around(1, 30),
    idleTerminationRate: around(3600 / annex.idleSeconds, 4),
    runningTerminationRate: around(3600 / annex.leaseSeconds, 10),
  };
}

/** The newest stretches of time that are compared with those before, in case the rate has changed. */
const RECENT_BINS = 12;

export function rateEstimates(
  bins: readonly Bin[],
  known: Readonly<Record<keyof ModelParameters, Prior>>,
): RateEstimates {
  const found = FLOWS.map((name) => {
    const periods = bins.map(({ flows }) => flows[name]);
    return [name, estimateRate(currentPeriods(periods, RECENT_BINS, known[name]), known[name])];
  });
  return Object.fromEntries(found) as RateEstimates;
}

/** As HTCondor and the guard do it. */
const VARIANT: ModelVariant = { matching: "min", evicted: "requeued", idleEnd: "timer" };

/** What the hook publishes of its estimates: rates per hour, the delay in hours, and what the model makes of them. */
export function estimateAttributes(
  rates: RateEstimates,
  { delay, p95 }: SpinUpTimes,
  censored: boolean,
): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  for (const name of FLOWS) publish(attributes, capital(name), rates[name]);
  publish(attributes, "SpinUpDelay", delay);
  return { ...attributes, SpinUpDelayP95: p95 / 3600, ...modelAttributes(rates, delay, censored) };
}

function publish(
  attributes: Record<string, AttributeValue>,
  name: string,
  estimate: Estimate | undefined,
): void {
  attributes[name] = estimate?.value;
  attributes[`${name}Low`] = estimate?.low;
  attributes[`${name}High`] = estimate?.high;
  attributes[`${name}Source`] = estimate?.source;
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/**
 * The model's answer as far as the estimates decide it. Jobs that are not in the queue yet censor it: the rates are then
 * lower bounds, and the stability is undetermined.
 */
function modelAttributes(
  rates: RateEstimates,
  delay: Estimate,
  censored: boolean,
): Record<string, AttributeValue> {
  const unknown = {
    EquilibriumQueued: undefined,
    EquilibriumIdle: undefined,
    EquilibriumBusy: undefined,
    Stability: "undetermined",
    CriticalDelay: undefined,
    StabilityMargin: undefined,
  };
  const values: Partial<Record<keyof ModelParameters, number>> = {};
  for (const name of FLOWS) {
    const estimate = rates[name];
    // What is known by its prior alone is no measurement, and neither is what would follow from it.
    if (estimate === undefined || estimate.source === "prior") return unknown;
    values[name] = estimate.value;
  }
  if (delay.source === "prior") return unknown;
  try {
    const parameters = values as ModelParameters;
    const at = equilibrium(parameters, VARIANT);
    const critical = hopf(parameters, VARIANT)?.criticalDelay;
    return {
      EquilibriumQueued: at.queued,
      EquilibriumIdle: at.idle,
      EquilibriumBusy: at.busy,
      Stability: censored ? "undetermined" : stabilityVerdict(rates, delay, VARIANT).stability,
      CriticalDelay: critical,
      StabilityMargin: critical === undefined ? undefined : critical / delay.value,
    };
  } catch (error) {
    // Rates too far apart for double precision say nothing about the pool.
    if (error instanceof UpdraftError) return unknown;
    throw error;
  }
}
