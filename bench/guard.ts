import { setTimeout as sleep } from "node:timers/promises";
import { submitJobs } from "../sandbox/demo/jobs.ts";
import type { Sandbox, SandboxMachine } from "../sandbox/sandbox.ts";
import { ANNEX, updraft, withPool } from "./campaigns/pool.ts";
import { table } from "./table.ts";

const NAME = "bench-guard";
const SAMPLE_SECONDS = 15;
const JOINED_SECONDS = 120;
const SHORTEST_MINUTES = 4;

/** Of one process, as the kernel accounts for it. */
type Process = {
  readonly id: number;
  readonly command: string;
  /** Of itself, and of what it started and has waited for. */
  readonly cpuSeconds: number;
  readonly startedCpuSeconds: number;
  readonly rss: number;
  readonly pss: number;
  readonly anonymous: number;
};

type Sample = { readonly at: number; readonly stage: string; readonly processes: readonly Process[] };

/** Clock ticks of a second in /proc/PID/stat. */
const TICKS = 100;

/** Id, CPU ticks (own, and of children that were waited for), RSS, PSS and anonymous memory in kB, command: a process each, but kernel threads and whatever looks. */
const LOOK = `
sed 's/.*"stage":"\\([a-z]*\\)".*/\\1/' /run/updraft/node.json
for directory in /proc/[0-9]*; do
  id=\${directory#/proc/}
  case $id in $$) continue ;; esac
  command=$(tr "\\0\\n" "  " <"$directory/cmdline" 2>/dev/null) && [ -n "$command" ] || continue
  stat=$(sed "s/.*) //" "$directory/stat" 2>/dev/null) || continue
  set -- $stat
  [ "$2" != $$ ] || continue
  memory=$(awk '/^(Rss|Pss|Anonymous):/ { printf "%s ", $2 }' "$directory/smaps_rollup" 2>/dev/null) || continue
  echo "$id $((\${12} + \${13})) $((\${14} + \${15})) $memory$command"
done`;

/**
 * What the guard costs a node from its boot to the end of its lease, the last stretch included: one node, whose two
 * jobs run until the node hands them back. And every process of that node, with its share of the memory.
 */
export async function guardBench(_runs: number, minutes: number): Promise<string> {
  if (minutes < SHORTEST_MINUTES) throw new Error(`--minutes must be ${SHORTEST_MINUTES} at least`);
  return withPool(NAME, {}, {}, async (sandbox) => {
    await submitJobs(sandbox.accessPoint, { count: 2, seconds: 60 * minutes, mayUseAws: true });
    const lease = `${minutes}m`;
    await updraft(sandbox, "create", ANNEX, "--count", "1", "--lease", lease, "--yes", "--no-wait");
    const node = await joined(sandbox);
    const samples: Sample[] = [];
    for (;;) {
      // The node ends in the middle of a look, or before it.
      const sample = await look(node).catch(() => undefined);
      if (sample === undefined) break;
      samples.push(sample);
      await sleep(SAMPLE_SECONDS * 1000);
    }
    const first = samples[0];
    const last = samples.at(-1);
    if (first === undefined || last === undefined) throw new Error("the node ended before it was looked at");
    const middle = samples[Math.floor(samples.length / 2)] ?? first;
    return [
      `one node with two jobs, ${((last.at - first.at) / 60).toFixed(1)} minutes; megabytes are 10^6 bytes`,
      stageTable(samples),
      "",
      "processes on the node in the middle of that time, and the CPU time that they and what they started took in all",
      processTable(middle, first, last),
    ].join("\n");
  });
}

async function joined(sandbox: Sandbox): Promise<SandboxMachine> {
  for (const deadline = Date.now() + JOINED_SECONDS * 1000; Date.now() < deadline; await sleep(500)) {
    const [instance] = (await sandbox.instances()).filter(({ state }) => state === "running");
    const queue = await sandbox.accessPoint.run(["condor_q", "-allusers", "-af", "JobStatus"]);
    if (instance !== undefined && !queue.includes("1")) return sandbox.machine(instance.instanceId);
  }
  throw new Error(`the jobs do not run after ${JOINED_SECONDS} s`);
}

async function look(node: SandboxMachine): Promise<Sample> {
  const [stage = "", ...lines] = (await node.run(["sh", "-c", LOOK])).trim().split("\n");
  const processes = lines.map((line): Process => {
    const [id = "", own = "", started = "", rss = "", pss = "", anonymous = "", ...command] = line.split(" ");
    return {
      id: Number(id),
      command: command.join(" ").trim(),
      cpuSeconds: Number(own) / TICKS,
      startedCpuSeconds: Number(started) / TICKS,
      rss: Number(rss) * 1024,
      pss: Number(pss) * 1024,
      anonymous: Number(anonymous) * 1024,
    };
  });
  return { at: Date.now() / 1000, stage, processes };
}

const GUARD = /updraft-bootstrap guard$/;
const isGuard = ({ command }: Process): boolean => GUARD.test(command) && !command.startsWith("/bin/sh");
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** CPU of the guard and of the programs that it runs, by what it was doing. */
function stageTable(samples: readonly Sample[]): string {
  const spans = samples.slice(1).flatMap((to, index) => {
    const before = samples[index]?.processes.find(isGuard);
    const after = to.processes.find(isGuard);
    if (before === undefined || after === undefined || before.id !== after.id) return [];
    const seconds = to.at - (samples[index]?.at ?? to.at);
    const own = after.cpuSeconds - before.cpuSeconds;
    return [
      { stage: to.stage, seconds, own, run: after.startedCpuSeconds - before.startedCpuSeconds, after },
    ];
  });
  const rows = [...Map.groupBy(spans, ({ stage }) => stage)].map(([stage, of]) => {
    const sum = (value: (span: (typeof of)[number]) => number): number =>
      of.reduce((total, span) => total + value(span), 0);
    const seconds = sum((span) => span.seconds);
    const most = (value: (process: Process) => number): string =>
      megabytes(Math.max(...of.map(({ after }) => value(after))));
    return [
      stage,
      (seconds / 60).toFixed(1),
      sum((span) => span.own).toFixed(2),
      sum((span) => span.run).toFixed(2),
      ((100 * sum((span) => span.own + span.run)) / seconds).toFixed(2),
      most((process) => process.rss),
      most((process) => process.pss),
      most((process) => process.anonymous),
    ];
  });
  const headings = [
    "stage",
    "minutes",
    "CPU s",
    "of what it runs",
    "% of a CPU",
    "RSS MB",
    "PSS",
    "anonymous",
  ];
  return table(headings, rows);
}

function processTable(sample: Sample, first: Sample, last: Sample): string {
  const cpu = (sampled: Sample, { id }: Process): number | undefined => {
    const found = sampled.processes.find((one) => one.id === id);
    return found && found.cpuSeconds + found.startedCpuSeconds;
  };
  const rows = sample.processes.map((one): (string | number)[] => {
    const now = one.cpuSeconds + one.startedCpuSeconds;
    const spent = (cpu(last, one) ?? now) - (cpu(first, one) ?? 0);
    return [one.command.slice(0, 60), megabytes(one.rss), megabytes(one.pss), spent.toFixed(2)];
  });
  return table(["process", "RSS MB", "PSS", "CPU s"], rows);
}
