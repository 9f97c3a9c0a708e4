import { readFileSync } from "node:fs";
import type { Complex } from "../../../core/model/complex.ts";
import type { ModelParameters, PoolState } from "../../../core/model/parameters.ts";

/** Values of an independent implementation in Python; its own errors are below 1e-12 of each. */
type Pair = readonly [number, number];
type Triple = readonly [number, number, number];

type PmGolden = {
  readonly name: string;
  readonly params: Readonly<Record<"SigmaQ" | "sQIR" | "sQI" | "sRI" | "sIT" | "sRT", number>>;
  readonly tauQI: number;
  readonly x0: Triple;
  readonly times: readonly number[];
  readonly equilibrium: Triple;
  readonly nonphysicalEquilibrium: Triple;
  readonly pm1Eigenvalues: readonly Pair[];
  readonly pm1CharPoly: readonly number[];
  readonly pm1: readonly Triple[];
  readonly pm2: readonly Triple[];
  readonly pm2Roots: readonly Pair[];
  readonly pm2RootsRightOfRightmostMinusEps: number;
  readonly hopf: {
    readonly tau: number;
    readonly omega: number;
    readonly period: number;
    readonly dReLambda_dTau_fd: number;
  };
};

export type ClassicGolden = Readonly<Record<string, unknown>> & {
  readonly name: string;
  readonly times: readonly number[];
  readonly x: readonly number[];
  readonly roots: readonly Pair[];
};

type LeaseGolden = {
  readonly params: Readonly<Record<"SigmaQ" | "sQIR" | "sQI" | "sRI" | "sIT", number>>;
  readonly lease: number;
  readonly tauQI: number;
  readonly equilibrium: Triple;
  readonly roots: readonly Pair[];
  readonly times: readonly number[];
  readonly x: readonly Triple[];
};

type SampledCase = Readonly<Record<"k" | "sRI" | "sIT" | "sRT" | "sQI" | "T" | "tau", number>> & {
  readonly multipliers: readonly Pair[];
};

const file = JSON.parse(readFileSync(new URL("../../goldens/models.json", import.meta.url), "utf8")) as {
  readonly pm: readonly PmGolden[];
  readonly classic: readonly ClassicGolden[];
  readonly lease: readonly LeaseGolden[];
};

export const complex = ([re, im]: Pair): Complex => ({ re, im });
export const pool = ([queued, idle, busy]: Triple): PoolState => ({ queued, idle, busy });

export const PM = file.pm.map((golden) => ({
  ...golden,
  parameters: {
    submissionRate: golden.params.SigmaQ,
    matchRate: golden.params.sQIR,
    provisioningRate: golden.params.sQI,
    completionRate: golden.params.sRI,
    idleTerminationRate: golden.params.sIT,
    runningTerminationRate: golden.params.sRT,
  } satisfies ModelParameters,
}));

export const LEASE = file.lease.map((golden) => ({
  ...golden,
  model: {
    parameters: {
      submissionRate: golden.params.SigmaQ,
      matchRate: golden.params.sQIR,
      provisioningRate: golden.params.sQI,
      completionRate: golden.params.sRI,
      idleTerminationRate: golden.params.sIT,
    },
    lease: golden.lease,
    spinUpDelay: golden.tauQI,
  },
}));

export function classic(name: string, which = 0): ClassicGolden {
  const golden = file.classic.filter((one) => one.name === name)[which];
  if (golden === undefined) throw new Error(`there is no golden ${name} ${which}`);
  return golden;
}

export const SAMPLED = (classic("sampled-monodromy") as unknown as { cases: readonly SampledCase[] }).cases;

/** The largest difference of two numbers by the size of the larger state. */
export function relativeError(found: PoolState, expected: PoolState): number {
  const scale = Math.max(expected.queued, expected.idle, expected.busy);
  return Math.max(
    ...(["queued", "idle", "busy"] as const).map(
      (name) => Math.abs(found[name] - expected[name]) / Math.max(Math.abs(expected[name]), 1e-6 * scale),
    ),
  );
}

export const distance = (a: Complex, b: Complex): number => Math.hypot(a.re - b.re, a.im - b.im);
