import { clusterAutoscaler } from "./cluster-autoscaler.ts";
import { cobald } from "./cobald.ts";
import { elastiq } from "./elastiq.ts";
import { forecastBand } from "./forecast-band.ts";
import { gcp } from "./gcp.ts";
import type { AnyLaw } from "./law.ts";
import { marginalValue } from "./marginal-value.ts";
import { provisioningRate } from "./provisioning-rate.ts";
import { prp } from "./prp.ts";
import { unmetDemandLaw } from "./unmet-demand-law.ts";
import { waitValue } from "./wait-value.ts";

export type Listed = {
  readonly law: AnyLaw;
  /** It goes by what waiting is worth, so that each value gives another result. */
  readonly usesValue: boolean;
};

/** Every law at its documented settings; ours first. */
export const LAWS: readonly Listed[] = [
  { law: waitValue, usesValue: true },
  { law: unmetDemandLaw(), usesValue: false },
  { law: gcp(), usesValue: false },
  { law: clusterAutoscaler(), usesValue: false },
  { law: elastiq(), usesValue: false },
  { law: prp(), usesValue: false },
  { law: cobald(), usesValue: false },
  { law: provisioningRate(), usesValue: false },
  { law: marginalValue(), usesValue: true },
  { law: forecastBand(), usesValue: true },
];

export const LAW_NAMES: readonly string[] = LAWS.map(({ law }) => law.name);

export function listedLaw(name: string): Listed {
  const found = LAWS.find(({ law }) => law.name === name);
  if (found === undefined) throw new Error(`there is no law ${name}`);
  return found;
}
