import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../core/errors.ts";
import { annexKnobs, configureAnnexes, configureHook } from "../sandbox/demo/annex.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../sandbox/sandbox.ts";
import { ANNEX, updraft } from "./campaigns/pool.ts";
import { AS_HOOK, HOOK, tickHook } from "./hook-process.ts";
import { processCost, type ProcessCost } from "./process-cost.ts";
import { median, table } from "./table.ts";

const NAME = "bench-queue";
const STATE = "/var/lib/updraft";
/** What HTCondor said last, which the hook uses again while nothing has changed. */
const KEPT = [`${STATE}/queue-${ANNEX}.json`, `${STATE}/answers-${ANNEX}.json`];
/** No more at a time than HTCondor takes by default. */
const BATCH = 20_000;
const SUBMIT_SECONDS = 300;

const QUEUES = [
  { jobs: 1000, shapes: 8 },
  { jobs: 10_000, shapes: 8 },
  { jobs: 100_000, shapes: 8 },
  { jobs: 100_000, shapes: 2000 },
] as const;

/** What the tick's own questions tell, as forms of condor_q do; the caller of those that count nothing would have to. */
const ATTRIBUTES =
  "JobStatus JobUniverse EnteredCurrentStatus AutoClusterId LastMatchTime DeferralTime DeferralPrepTime " +
  "JobCoolDownExpiration ConcurrencyLimits AcctGroup User Owner LastRejMatchTime LastRejMatchReason " +
  "RequestCpus RequestMemory RequestDisk RequestGPUs Requirements";
const ONE_BY_ONE = `ClusterId ProcId ${ATTRIBUTES}`;
const COUNTED = `${ATTRIBUTES} MayUseAWS`;
const list = (attributes: string): string => attributes.replaceAll(" ", ",");

const IDLE = ["condor_q", "-allusers", "-constraint", "JobStatus == 1 && MayUseAWS =?= true"];
const counting = (attributes: string): string[] => [
  ...IDLE,
  "-group-by",
  "-json",
  "-attributes",
  list(attributes),
];
/** Counts as the tick does, and asks for the requirements of autoclusters meanwhile. */
const WITH_AUTOCLUSTERS = ["sh", "-c", 'condor_q -allusers -autocluster -json & "$@"; wait', "sh"];

const FORMS: readonly (readonly [string, readonly string[], once?: true])[] = [
  ["condor_q -json", [...IDLE, "-json"], true],
  ["condor_q -json -attributes", [...IDLE, "-json", "-attributes", list(ONE_BY_ONE)]],
  ["condor_q -af", [...IDLE, "-stream-results", "-af:,", ...ONE_BY_ONE.split(" ")]],
  ["condor_q -group-by", counting(COUNTED)],
  ["-group-by and -autocluster", [...WITH_AUTOCLUSTERS, ...counting(COUNTED.replace(" Requirements", ""))]],
];

/** A tick at several lengths of the queue, beside what condor_q alone costs in the same run. */
export async function queueBench(runs: number): Promise<string> {
  await down(NAME);
  // One slot, so that the pool negotiates; no job suits it.
  const sandbox = await up({ name: NAME, localSlots: 1 });
  try {
    await prepare(sandbox);
    for (const { jobs, shapes } of QUEUES) {
      await fill(sandbox.accessPoint, jobs, shapes);
      const heading = `${jobs} idle jobs of ${shapes} shapes`;
      // What was measured before is not lost by a tick that a busy machine let run into its limit.
      const rows = await measured(sandbox, runs).catch((error: unknown) => `failed: ${messageOf(error)}`);
      // It takes a while to fill a queue, so that each is told when it has been measured.
      console.log(`\n${heading}\n${rows}`);
    }
    return `medians of ${runs} runs, by turns; the full condor_q -json once`;
  } finally {
    await sandbox.down();
  }
}

async function prepare(sandbox: Sandbox): Promise<void> {
  const { accessPoint } = sandbox;
  await configureAnnexes(accessPoint, { [ANNEX]: { ...(await annexKnobs(sandbox)), MODE: "advise" } });
  await updraft(sandbox, "setup", "--region", "us-east-1");
  await updraft(sandbox, "setup", "--annex", ANNEX);
  await configureHook(sandbox, accessPoint, "SCHEDD_CRON_UPDRAFT_PERIOD = 1h\n");
  await accessPoint.configure("60-pace.config", "NEGOTIATOR_INTERVAL = 60\n");
  await accessPoint.run(["condor_restart", "-negotiator"]);
}

/** Jobs that opt in and that no local slot suits, so that they stay. */
async function fill(accessPoint: SandboxMachine, jobs: number, shapes: number): Promise<void> {
  await accessPoint.run(["sh", "-c", REMOVE_ALL], { timeoutSeconds: SUBMIT_SECONDS });
  const each = jobs / shapes;
  let batch: string[] = [];
  let size = 0;
  const submit = async (): Promise<void> => {
    const stdin = [...HEAD, ...batch, ""].join("\n");
    const options = { user: "alice", stdin, timeoutSeconds: SUBMIT_SECONDS };
    await accessPoint.run(["condor_submit", "-terse", "-"], options);
    batch = [];
    size = 0;
  };
  for (let shape = 0; shape < shapes; shape++) {
    if (size + each > BATCH) await submit();
    batch.push(`request_memory = ${64 + shape}\nqueue ${each}`);
    size += each;
  }
  await submit();
  await settled(accessPoint, jobs);
}

/** A user's jobs are limited in number, those included that are being removed. */
const REMOVE_ALL = `
condor_rm -all
until condor_q -allusers -totals | grep -q "^Total for query: 0 jobs"; do sleep 1; done
rm -f ${STATE}/state.json`;

const HEAD = [
  "executable = /bin/true",
  "transfer_executable = false",
  "request_cpus = 1",
  "request_disk = 1024",
  "requirements = TARGET.IsAnnex =?= true",
  "log = /dev/null",
  "+MayUseAWS = true",
];

async function settled(accessPoint: SandboxMachine, jobs: number): Promise<void> {
  for (let tries = 0; tries < 60; tries++, await sleep(1000)) {
    const found = await tickHook(accessPoint, ANNEX).then(
      (said) => said.get("JobsIdle"),
      () => undefined,
    );
    if (found === String(jobs)) return;
  }
  throw new Error(`the hook does not see ${jobs} jobs`);
}

async function measured(sandbox: Sandbox, runs: number): Promise<string> {
  const { accessPoint } = sandbox;
  const costs = new Map<string, ProcessCost[]>();
  const add = async (name: string, command: readonly string[], as = {}): Promise<void> => {
    costs.set(name, [...(costs.get(name) ?? []), await processCost(accessPoint, command, as)]);
  };
  for (let run = 0; run < runs; run++) {
    await sandbox.invoke("updraft-enforcer", {});
    for (const [name, command, once] of FORMS) if (once !== true || run === 0) await add(name, command);
    await accessPoint.run(["rm", "-f", ...KEPT]);
    await add("tick", [HOOK], AS_HOOK);
    await add("tick, nothing changed", [HOOK], AS_HOOK);
  }
  const rows = [...costs].map(([name, all]) => {
    const of = (value: keyof ProcessCost): number => median(all.map((one) => one[value]));
    const most = (value: keyof ProcessCost): number => Math.max(...all.map((one) => one[value]));
    return [
      name,
      ...[of("wall"), of("cpu"), of("started"), of("schedd"), of("forked")].map((s) => Math.round(1000 * s)),
      Math.round(most("peak")),
      Math.round(most("startedPeak")),
      Number(most("megabytes").toFixed(2)),
    ];
  });
  return table(
    ["", "wall ms", "CPU ms", "of started", "schedd ms", "forked ms", "peak MB", "of started", "MB printed"],
    rows,
  );
}
