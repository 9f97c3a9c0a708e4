import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { provisioningRate } from "../../core/laws/provisioning-rate.ts";
import { waitValue } from "../../core/laws/wait-value.ts";
import type { AnyLaw } from "../../core/laws/law.ts";
import { picture, write } from "../../core/plot/svg.ts";
import { BASE_PLANT, cpuOffer, type Plant } from "../../core/sim/plant.ts";
import { simulate } from "../../core/sim/simulate.ts";
import { workload } from "../../core/sim/workload.ts";
import { sampleChart, type Counts } from "../../sandbox/demo/plot.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { table } from "../table.ts";
import type { Campaign } from "./campaign.ts";
import {
  IDLE_SECONDS,
  LEASE_SECONDS,
  PERIOD_SECONDS,
  TICK_SECONDS,
  prepare,
  runLoop,
  submissions,
  sum,
  type Measured,
  type Orders,
  type Submission,
} from "./closed-loop-world.ts";

const NAME = "campaign-closed-loop";
const PLOT = fileURLToPath(new URL("../../dist/closed-loop.svg", import.meta.url));
const SLOTS = 2;
const BURST = 12;
/** From pending to running, beside what the boot itself takes. */
export const LAUNCH_SETTINGS = { launchDelay: { kind: "constant", seconds: 10 } } as const;
const SEEDS = 20;

/** Bursts, a steady stream and silence: the hook against the seed's law, on real machines and in the simulator. */
export const closedLoop: Campaign = {
  name: "closed-loop",
  summary: "the hook's orders against the seed's law on real machines and in the simulator; seconds of jobs",
  fullSize: 400,
  async run({ size, seed }) {
    await down(NAME);
    const sandbox = await up({ name: NAME, settings: LAUNCH_SETTINGS });
    try {
      await prepare(sandbox);
      const plan = submissions(size, BURST, seed);
      const loops: Loop[] = [];
      for (const orders of ["hook", "seed"] as const) loops.push(await loop(sandbox, plan, orders));
      await mkdir(dirname(PLOT), { recursive: true });
      await writeFile(PLOT, page(loops));
      return `${loopTable(loops)}\nplot: ${PLOT}`;
    } finally {
      await sandbox.down();
    }
  },
};

export type Loop = { readonly orders: Orders; readonly measured: Measured; readonly predicted: Prediction };

export async function loop(
  sandbox: Sandbox,
  plan: readonly Submission[],
  orders: Orders,
  idleSeconds = IDLE_SECONDS,
): Promise<Loop> {
  const measured = await runLoop(sandbox, plan, orders, idleSeconds);
  return { orders, measured, predicted: predict(plan, orders, measured.boots, idleSeconds) };
}

export type Prediction = {
  readonly waitSeconds: number;
  readonly machineSeconds: number;
  readonly samples: readonly Counts[];
};

/** What the simulator says of the same jobs under the same law, with boots as they were: a mean over seeds. */
export function predict(
  plan: readonly Submission[],
  orders: Orders,
  boots: readonly number[],
  idleSeconds = IDLE_SECONDS,
): Prediction {
  const request = { cpus: 1, memory: 64, disk: 1024, gpus: 0 };
  const jobs = workload(
    plan.flatMap(({ at, count, seconds }) =>
      Array.from({ length: count }, () => ({ submitted: at, runSeconds: seconds, request, owner: "alice" })),
    ),
    0,
  );
  const plant: Plant = {
    ...BASE_PLANT,
    offers: [cpuOffer(SLOTS)],
    spinUp: spinUp(boots),
    leaseSeconds: LEASE_SECONDS,
    refuseSeconds: 600,
    idleSeconds,
    negotiationSeconds: TICK_SECONDS,
    tickSeconds: TICK_SECONDS,
    // MIN_WAIT, which is two negotiation cycles, holds for jobs and for idle instances of the hook.
    ...(orders === "hook" && { demandSeconds: 2 * TICK_SECONDS, restSeconds: 2 * TICK_SECONDS }),
    maxInstances: 30,
    spares: false,
  };
  const law: AnyLaw =
    orders === "hook"
      ? { ...waitValue, idleSeconds }
      : {
          ...provisioningRate({ perHour: 3600 / PERIOD_SECONDS, periodSeconds: PERIOD_SECONDS }),
          idleSeconds,
        };
  const samples: Counts[] = [];
  const reports = Array.from({ length: SEEDS }, (_, seed) =>
    simulate(jobs, { ...plant, spares: orders === "seed" }, law, seed, {
      tick({ now, waiting, machines }) {
        if (seed > 0) return;
        const running = sum(machines.map(({ jobs: work }) => work.length));
        const there = machines.filter(({ joined }) => joined !== undefined);
        samples.push({
          at: now,
          queued: sum(waiting.map(({ count }) => count)),
          idle: there.length * SLOTS - running,
          busy: running,
          inFlight: machines.length - there.length,
        });
      },
    }),
  );
  const mean = (numbers: readonly number[]): number => sum(numbers) / numbers.length;
  return {
    waitSeconds: mean(reports.map(({ waitHours }) => waitHours)) * 3600,
    machineSeconds: mean(reports.map(({ machineHours }) => machineHours)) * 3600,
    samples,
  };
}

function spinUp(boots: readonly number[]): Plant["spinUp"] {
  const logs = boots.map((boot) => Math.log(boot));
  const mean = sum(logs) / logs.length;
  const variance = sum(logs.map((log) => (log - mean) ** 2)) / logs.length;
  return {
    median: Math.exp(mean),
    sigma: Math.sqrt(variance),
    least: Math.min(...boots),
    most: Math.max(...boots),
  };
}

const NAMES: Readonly<Record<Orders, string>> = {
  hook: "the hook in mode act",
  seed: `σ_QI·X_Q each ${PERIOD_SECONDS} s, by updraft create`,
};

export function loopTable(loops: readonly Loop[]): string {
  const percent = (found: number, said: number): string => {
    const change = 100 * (said / found - 1);
    return `${change > 0 ? "+" : ""}${change.toFixed(0)} %`;
  };
  return table(
    ["orders", "jobs", "wait s a job", "simulated", "", "machine-s", "simulated", "", "launches", "boot s"],
    loops.map(({ orders, measured, predicted }) => [
      NAMES[orders],
      measured.jobs,
      (measured.waitSeconds / measured.jobs).toFixed(1),
      (predicted.waitSeconds / measured.jobs).toFixed(1),
      percent(measured.waitSeconds, predicted.waitSeconds),
      measured.machineSeconds.toFixed(0),
      predicted.machineSeconds.toFixed(0),
      percent(measured.machineSeconds, predicted.machineSeconds),
      measured.launches,
      (sum(measured.boots) / measured.boots.length).toFixed(1),
    ]),
  );
}

/** Each loop as it was and as it was simulated, below each other and on the same axes. */
export function page(loops: readonly Loop[]): string {
  const [width, height] = [960, 330];
  const charts = loops.flatMap(({ orders, measured, predicted }) => [
    { title: `${NAMES[orders]}: measured`, samples: measured.samples },
    { title: `${NAMES[orders]}: simulated`, samples: predicted.samples },
  ]);
  const all = charts.flatMap(({ samples }) => samples);
  return picture({ width, height: 40 + charts.length * height }, [
    write("Bursts, a stream and silence", { x: 16, y: 26, "font-size": 19, "font-weight": "bold" }),
    ...charts.map(({ title, samples }, i) =>
      sampleChart(title, samples, all, { x: 0, y: 40 + i * height, width, height: height - 8 }),
    ),
  ]);
}
