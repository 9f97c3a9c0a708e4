import { parseArgs } from "node:util";
import { bootBench } from "./boot.ts";
import { buildBench } from "./build.ts";
import { guardBench } from "./guard.ts";
import { hookBench } from "./hook.ts";
import { estimateBench, modelBench } from "./model.ts";
import { queueBench } from "./queue.ts";
import { simulateBench } from "./simulate.ts";
import { startBench } from "./start.ts";

const HELP = `npm run bench [-- NAME]...: measures and prints tables; nothing is asserted.

  build     times and sizes of what the build makes
  start     no-op start of every program: wall time and memory
  boot      the sandbox: up, and order → running → user data → joined → first job
  simulate  188,000 jobs over 11 days under our law: time and memory
  hook      a tick of the hook without and with jobs and nodes, a sweep of the enforcer
  queue     a tick of the hook at 1,000 to 100,000 idle jobs, beside condor_q alone
  model     the analysis of one parameter set, and the whole command: wall time
  guard     the guard's memory and CPU over a node's life, and every process of the node; only when named,
            because it lasts an hour, or --minutes
  estimates how often the estimators' 90 % intervals hold the truth
`;

const BENCHES: Readonly<Record<string, (runs: number, minutes: number) => Promise<string>>> = {
  build: buildBench,
  simulate: simulateBench,
  start: startBench,
  boot: bootBench,
  hook: hookBench,
  queue: queueBench,
  model: modelBench,
  estimates: estimateBench,
  guard: guardBench,
};
/** Not run unless named. */
const LONG: ReadonlySet<string> = new Set(["guard"]);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: "string", default: "10" },
      minutes: { type: "string", default: "60" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const unknown = positionals.some((name) => !Object.hasOwn(BENCHES, name));
  const runs = Number(values.runs);
  const minutes = Number(values.minutes);
  if (values.help || unknown || ![runs, minutes].every((one) => Number.isInteger(one) && one >= 1)) {
    console.log(HELP);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (positionals.length > 0 ? !positionals.includes(name) : LONG.has(name)) continue;
    console.log(`\n== ${name}\n${await bench(runs, minutes)}`);
  }
}

await main();
