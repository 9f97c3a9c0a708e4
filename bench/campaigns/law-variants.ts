import { clusterAutoscaler } from "../../core/laws/cluster-autoscaler.ts";
import { cobald } from "../../core/laws/cobald.ts";
import { elastiq } from "../../core/laws/elastiq.ts";
import { forecastBand } from "../../core/laws/forecast-band.ts";
import { gcp } from "../../core/laws/gcp.ts";
import type { AnyLaw } from "../../core/laws/law.ts";
import { marginalValue } from "../../core/laws/marginal-value.ts";
import { provisioningRate } from "../../core/laws/provisioning-rate.ts";
import { prp } from "../../core/laws/prp.ts";
import { unmetDemandLaw } from "../../core/laws/unmet-demand-law.ts";
import { waitValue } from "../../core/laws/wait-value.ts";

/** A law with settings. */
export type Variant = {
  readonly law: string;
  /** Its settings in words; `default` for the documented ones. */
  readonly settings: string;
  readonly make: () => AnyLaw;
  /** It uses what waiting is worth, and so is run for each value. */
  readonly usesValue: boolean;
};

export const OURS = "updraft";

function variants<P extends object>(
  law: string,
  make: (settings?: P) => AnyLaw,
  grid: readonly P[],
  usesValue = false,
): Variant[] {
  const all: readonly (P | undefined)[] = [undefined, ...grid];
  return all.map((settings) => ({
    law,
    settings:
      settings === undefined
        ? "default"
        : Object.entries(settings)
            .map(([name, value]) => `${name}=${String(value)}`)
            .join(" "),
    make: () => make(settings),
    usesValue,
  }));
}

function product<A extends string, B extends string>(
  a: A,
  as: readonly number[],
  b: B,
  bs: readonly number[],
): Record<A | B, number>[] {
  return as.flatMap((x) => bs.map((y) => ({ [a]: x, [b]: y }) as Record<A | B, number>));
}

/** Ours has one setting, the documented one; each other law has its own and a grid. */
export const VARIANTS: readonly Variant[] = [
  ...variants(OURS, () => waitValue, [], true),
  ...variants(
    "unmet-demand",
    unmetDemandLaw,
    [0, 300, 600].map((restSeconds) => ({ restSeconds })),
  ),
  ...variants("gcp", gcp, [
    ...[1, 2, 5].map((minIdle) => ({ minIdle })),
    ...product("minIdle", [0, 1, 2], "gateHours", [2, 4]),
  ]),
  ...variants(
    "cluster-autoscaler",
    clusterAutoscaler,
    product("unneededSeconds", [60, 300], "delayAfterAddSeconds", [0, 600]),
  ),
  ...variants(
    "elastiq",
    elastiq,
    product("threshold", [1], "idleSeconds", [60, 300]).flatMap((one) =>
      [240, 600].map((deploySeconds) => ({ ...one, holdSeconds: 0, deploySeconds })),
    ),
  ),
  ...variants("prp", prp, [
    ...product("mostPods", [20, 1000], "idleSeconds", [60, 300]),
    { loopSeconds: 60, mostPods: 1000, idleSeconds: 60 },
    { loopSeconds: 60, mostPods: 1000, idleSeconds: 300 },
  ]),
  ...variants("cobald", cobald, [
    ...product("coresPerSecond", [1 / 60, 0.1], "low", [0.9]).map((one) => ({ ...one, high: 0.95 })),
    { coresPerSecond: 1 / 60 },
  ]),
  ...variants("provisioning-rate", provisioningRate, [
    ...product("perHour", [0.1, 0.3, 3], "periodSeconds", [3600]),
    ...product("perHour", [1, 10, 60], "periodSeconds", [60]),
    ...product("perHour", [3, 12], "periodSeconds", [300]),
  ]),
  ...variants(
    "marginal-value",
    marginalValue,
    [0, 120].flatMap((holdSeconds) => [false, true].map((spare) => ({ holdSeconds, spare }))),
    true,
  ),
  ...variants("forecast-band", forecastBand, product("alpha", [0.5, 1, 1.5], "kappa", [-1, 0, 0.5]), true),
];
