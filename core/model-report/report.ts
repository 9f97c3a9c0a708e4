import { UpdraftError } from "../errors.ts";
import { analyse } from "../model/analysis.ts";
import type { Complex } from "../model/complex.ts";
import type { Estimate } from "../model/estimate.ts";
import type { Hopf } from "../model/hopf.ts";
import { inFlightCriticalDelay, inFlightRoots } from "../model/in-flight.ts";
import type { LeaseEquilibrium } from "../model/lease-echo.ts";
import type { ModelParameters, ModelVariant, PoolState } from "../model/parameters.ts";
import { stabilityVerdict, type Verdict } from "../model/verdict.ts";
import { RATES, type InputName, type Inputs } from "./inputs.ts";

/** Everything that `updraft model` says, as its JSON shows it: hours, per hour, roots in 1/h; null for what there is not. */
export type ModelReport = {
  readonly parameters: ModelParameters & { readonly spinUpDelay: number; readonly lease: number | null };
  readonly from: Readonly<Partial<Record<InputName, string>>>;
  readonly variant: ModelVariant;
  readonly equilibrium: PoolState;
  readonly stability: "stable" | "unstable";
  readonly eigenvalues: readonly Complex[];
  readonly roots: readonly Complex[];
  readonly hopf: Hopf | null;
  readonly margin: {
    readonly delayRatio: number | null;
    readonly delayHours: number | null;
    readonly criticalGain: number | null;
  };
  /**
   * Of ordering that counts idle machines and those on their way, the first from the spin-up delay on where it settles at that;
   * null when none up to a hundred job lengths is critical.
   */
  readonly inFlightCriticalDelay: number | null;
  readonly leaseEcho: LeaseEcho | null;
  /** Whether the estimates decide the stability; null when no estimate was read. */
  readonly verdict: Verdict | null;
};

export type LeaseEcho = {
  readonly equilibrium: LeaseEquilibrium;
  readonly stability: "stable" | "unstable";
  readonly roots: readonly Complex[];
  /** Of the wave that comes back with the leases; null when no such wave is among the slowest to fade. */
  readonly period: number | null;
  /** Of that wave, per hour: it fades when negative. */
  readonly growthRate: number | null;
  /** Its height by that of the wave before. */
  readonly growthPerWave: number | null;
};

/** So many roots from the right are computed. */
const ROOTS = 6;

/** Throws `usage` when rates and delays are too far apart for the models to be computed. */
export function modelReport({ parameters, variant, spinUpDelay, lease, given }: Inputs): ModelReport {
  return computable(() => {
    const { equilibrium, eigenvalues, hopf, margin, stable, roots, ...found } = analyse(
      parameters,
      variant,
      spinUpDelay,
      { roots: ROOTS, ...(lease !== undefined && { lease }) },
    );
    const from = Object.entries(given).map(([name, input]) => [name, input.from]);
    return {
      parameters: { ...parameters, spinUpDelay, lease: lease ?? null },
      from: Object.fromEntries(from) as ModelReport["from"],
      variant,
      equilibrium,
      stability: stable ? "stable" : "unstable",
      eigenvalues,
      roots,
      hopf: hopf ?? null,
      margin: {
        delayRatio: finite(margin.delayRatio),
        delayHours: finite(margin.delayHours),
        criticalGain: margin.criticalGain ?? null,
      },
      inFlightCriticalDelay: inFlightLimit(parameters, variant, spinUpDelay) ?? null,
      leaseEcho:
        found.lease === undefined || lease === undefined
          ? null
          : { ...found.lease, ...echo(found.lease.roots, lease, spinUpDelay) },
      verdict: verdict(given, variant),
    };
  });
}

/** Here the numbers were given, so that one which cannot be computed is a mistake in them. */
export function computable<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof UpdraftError) || error.kind !== "failed") throw error;
    throw new UpdraftError("usage", error.message, error.remedy, error);
  }
}

function inFlightLimit(
  parameters: ModelParameters,
  variant: ModelVariant,
  spinUpDelay: number,
): number | undefined {
  const [root] = inFlightRoots({ parameters, variant, spinUpDelay });
  const settles = root !== undefined && root.re < 0;
  return inFlightCriticalDelay({ parameters, variant }, settles ? spinUpDelay : undefined);
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** The slowest to fade of the waves that are about a lease long: machines that were ordered together, and their successors. */
function echo(
  roots: readonly Complex[],
  lease: number,
  spinUpDelay: number,
): Pick<LeaseEcho, "stability" | "period" | "growthRate" | "growthPerWave"> {
  const stability = roots.every(({ re }) => re < 0) ? "stable" : "unstable";
  const period = ({ im }: Complex): number => (2 * Math.PI) / im;
  const wave = roots.find((root) => period(root) > 0.8 * lease && period(root) < 1.6 * (lease + spinUpDelay));
  if (wave === undefined) return { stability, period: null, growthRate: null, growthPerWave: null };
  const length = period(wave);
  return { stability, period: length, growthRate: wave.re, growthPerWave: Math.exp(wave.re * length) };
}

/** Rates that were given by hand count as exact, those without an interval as not measured. */
function verdict(given: Inputs["given"], variant: ModelVariant): Verdict | null {
  const estimates = Object.values(given).map(({ estimate }) => estimate);
  if (estimates.every((one) => one === undefined)) return null;
  const estimate = (name: InputName): Estimate | undefined => {
    const input = given[name];
    if (input === undefined || input.from.startsWith("Annex_")) return input?.estimate;
    const { value } = input;
    return { value, low: value, high: value, source: "measured", events: 0, exposure: 0 };
  };
  const spinUpDelay = estimate("spinUpDelay");
  if (spinUpDelay === undefined)
    return { stability: "undetermined", reason: "the spin-up delay has no interval" };
  const rates = Object.fromEntries(RATES.map((name) => [name, estimate(name)])) as Record<
    (typeof RATES)[number],
    Estimate | undefined
  >;
  return stabilityVerdict(rates, spinUpDelay, variant);
}
