import { waitValue } from "../core/laws/wait-value.ts";
import { BASE_PLANT, cpuOffer } from "../core/sim/plant.ts";
import { exponential, lognormal, random } from "../core/sim/random.ts";
import { simulate } from "../core/sim/simulate.ts";
import { workloadBuilder, type Workload } from "../core/sim/workload.ts";
import { median, table } from "./table.ts";

const JOBS = 188_000;
const DAYS = 11;
const USERS = 96;
const MOST_RUNS = 3;

/** Seconds and memory of one simulation as large as the LCG-2005 trace, under our law. */
export async function simulateBench(runs: number): Promise<string> {
  const jobs = manyJobs();
  const plant = { ...BASE_PLANT, offers: [cpuOffer(1)] };
  const wall: number[] = [];
  const cpu: number[] = [];
  let instances = 0;
  for (let run = 0; run < Math.min(runs, MOST_RUNS); run++) {
    const begun = performance.now();
    const before = process.cpuUsage();
    const { completed, mostInstances } = simulate(jobs, plant, waitValue, run);
    const used = process.cpuUsage(before);
    if (completed !== JOBS) throw new Error(`${completed} of ${JOBS} jobs completed`);
    wall.push((performance.now() - begun) / 1000);
    cpu.push((used.user + used.system) / 1e6);
    instances = Math.max(instances, mostInstances);
  }
  const megabytes = process.resourceUsage().maxRSS / 1024;
  const row = [median(wall).toFixed(2), median(cpu).toFixed(2), megabytes.toFixed(0), instances];
  return [
    `${JOBS} one-CPU jobs over ${DAYS} days, our law, ${wall.length} runs`,
    table(["wall s", "CPU s", "process MB at most", "instances at most"], [row]),
  ].join("\n");
}

/** Users who submit batches of jobs that are alike. */
function manyJobs(): Workload {
  const next = random(188);
  const builder = workloadBuilder();
  const gap = (DAYS * 86400) / (JOBS / 10);
  let count = 0;
  for (let time = 0; count < JOBS; time += exponential(next, gap)) {
    const user = Math.floor(next() * USERS);
    const typical = lognormal(next, 1200, 1.3);
    for (let size = 1 + Math.floor(next() * 19); size > 0 && count < JOBS; size--, count++) {
      const runSeconds = Math.min(72_000, Math.max(1, lognormal(next, typical, 0.5)));
      const request = { cpus: 1, memory: 1024, disk: 0, gpus: 0 };
      builder.add({ submitted: time, runSeconds, request, owner: `user${user}` });
    }
  }
  return builder.build();
}
