import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyse } from "../core/model/analysis.ts";
import { hopf } from "../core/model/hopf.ts";
import { PRINTED, type ModelParameters, type ModelVariant } from "../core/model/parameters.ts";
import { coverage } from "../test/core/model/coverage.ts";
import { BASE, VARIANTS } from "../test/core/model/random-parameters.ts";
import { random } from "../test/core/model/simulated-pool.ts";
import { median, quantile, table } from "./table.ts";

const SETS = 200;

/**
 * Wall time of the analysis of one parameter set, of pools as they may be measured; roots that could not be confirmed. And
 * of the whole command, as it is built.
 */
export async function modelBench(runs: number): Promise<string> {
  const begun = performance.now();
  analyse(BASE, PRINTED, 5 / 60, { lease: 8 });
  const first = performance.now() - begun;
  const rows = [undefined, 8, 24].map((lease) => {
    const milliseconds: number[] = [];
    let refused = 0;
    const draw = random(1);
    for (let i = 0; i < SETS; i++) {
      const [parameters, delay] = pool(draw);
      const start = performance.now();
      try {
        analyse(
          parameters,
          VARIANTS[i % VARIANTS.length] as ModelVariant,
          delay,
          lease === undefined ? {} : { lease },
        );
      } catch {
        refused++;
      }
      milliseconds.push(performance.now() - start);
    }
    const shown = [median(milliseconds), quantile(milliseconds, 0.95), Math.max(...milliseconds)];
    return [lease === undefined ? "none" : `${lease} h`, ...shown.map((ms) => ms.toFixed(1)), refused];
  });
  const points = performance.now();
  for (let i = 0; i < 10_000; i++) hopf({ ...BASE, provisioningRate: 0.01 * 1.001 ** i }, PRINTED);
  const perPoint = (performance.now() - points) / 10;
  return [
    `first analysis of a process, lease 8 h: ${first.toFixed(0)} ms; a Hopf point: ${perPoint.toFixed(1)} µs`,
    `${SETS} parameter sets`,
    table(["lease", "median ms", "p95 ms", "max ms", "roots not confirmed"], rows),
    table(["command", "median ms", "p95 ms"], commandRows(runs)),
  ].join("\n");
}

const POOL = `--submission-rate 100 --match-rate 60 --provisioning-rate 2 --completion-rate 1/30m
  --idle-termination-rate 1/20m --running-termination-rate 1/8h --spin-up-delay 5m`;

function commandRows(runs: number): (string | number)[][] {
  const directory = mkdtempSync(join(tmpdir(), "updraft-bench-"));
  const plot = `--plot ${join(directory, "pool.svg")}`;
  const commands: [name: string, args: string][] = [
    ["updraft --version", "--version"],
    ["updraft model", `model ${POOL}`],
    ["updraft model --lease 8h", `model ${POOL} --lease 8h`],
    ["updraft model --lease 8h --plot", `model ${POOL} --lease 8h ${plot}`],
  ];
  const milliseconds = commands.map((): number[] => []);
  for (let run = 0; run < runs; run++) {
    for (const [i, [name, args]] of commands.entries()) {
      const begun = performance.now();
      const { status, stderr } = spawnSync("dist/access-point/updraft", args.split(/\s+/), {
        encoding: "utf8",
      });
      milliseconds[i]?.push(performance.now() - begun);
      if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
    }
  }
  rmSync(directory, { recursive: true });
  return commands.map(([name], i) => {
    const measured = milliseconds[i] ?? [];
    return [name, Math.round(median(measured)), Math.round(quantile(measured, 0.95))];
  });
}

function pool(draw: () => number): [ModelParameters, number] {
  const between = (low: number, high: number): number => low * (high / low) ** draw();
  const parameters = {
    submissionRate: between(1, 1000),
    matchRate: between(0.1, 120),
    provisioningRate: between(0.02, 60),
    completionRate: between(0.1, 12),
    idleTerminationRate: between(0.5, 12),
    runningTerminationRate: between(0.02, 0.5),
  };
  return [parameters, between(2 / 60, 30 / 60)];
}

/** How often the estimators' 90 % intervals hold the truth, over simulated pools that are polled each minute. */
export async function estimateBench(runs: number): Promise<string> {
  const busy = { ...BASE, submissionRate: 40, provisioningRate: 0.5, idleTerminationRate: 1 };
  const quiet = { ...BASE, submissionRate: 4, matchRate: 6, completionRate: 2 };
  const rows: (string | number)[][] = [];
  for (const [name, parameters] of [
    ["busy", busy],
    ["quiet", quiet],
  ] as const)
    for (const batch of [1, 10, 40])
      for (const hours of [2, 8, 24]) {
        const found = coverage(
          { parameters, batch, medianSpinUp: 0.08, spread: 0.3, hours, pollHours: 1 / 60, startTimes: true },
          20 * runs,
          1000,
        );
        const shares = RATES.map((rate) => {
          const one = found[rate];
          return one === undefined
            ? "-"
            : `${one.share.toFixed(2)}${one.estimates < 20 * runs ? ` (${one.estimates})` : ""}`;
        });
        rows.push([name, batch, hours, ...shares]);
      }
  return [
    `${20 * runs} pools each; in brackets how many of them gave an estimate, when not all did`,
    table(["pool", "batch", "hours", ...RATES.map((rate) => rate.replace("Termination", ""))], rows),
  ].join("\n");
}

const RATES = [
  "submissionRate",
  "matchRate",
  "provisioningRate",
  "completionRate",
  "idleTerminationRate",
  "runningTerminationRate",
  "spinUpDelay",
] as const;
