/** One time that a job ran, from HTCondor's log of the job's events. */
export type JobRun = {
  readonly job: string;
  /** The slot's machine: an instance id. */
  readonly instanceId: string;
  /** Unix seconds. */
  readonly started: number;
  readonly ended: number;
  readonly end: "completed" | "failed" | "lost";
};

const EVENT = /^(\d{3}) \((\d+)\.(\d+)\.\d+\) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/;

/** Runs in the order in which they began; one that still goes on is left out. */
export function jobRuns(log: string): JobRun[] {
  const running = new Map<string, { instanceId: string; started: number }>();
  const runs: JobRun[] = [];
  for (const event of log.split(/^\.\.\.$/m)) {
    const [, kind, cluster, proc, when = ""] = EVENT.exec(event.trimStart()) ?? [];
    if (kind === undefined) continue;
    const job = `${Number(cluster)}.${Number(proc)}`;
    const time = Date.parse(`${when.replace(" ", "T")}Z`) / 1000;
    const run = running.get(job);
    if (kind === "001") {
      const instanceId = /SlotName: \S*@(i-[0-9a-f]+)/.exec(event)?.[1] ?? "unknown";
      running.set(job, { instanceId, started: time });
      continue;
    }
    const end = ENDS[kind]?.(event);
    if (end === undefined || run === undefined) continue;
    runs.push({ job, ...run, ended: time, end });
    running.delete(job);
  }
  return runs;
}

/** Events that end a run: terminated, evicted, shadow's exception, aborted, held, not reconnected. */
const ENDS: Readonly<Record<string, (event: string) => JobRun["end"]>> = {
  "005": (event) => (event.includes("Normal termination (return value 0)") ? "completed" : "failed"),
  "004": () => "lost",
  "007": () => "lost",
  "009": () => "failed",
  "012": () => "failed",
  "024": () => "lost",
};
