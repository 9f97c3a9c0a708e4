import type { SandboxMachine } from "../sandbox.ts";

export type JobTerms = {
  readonly count: number;
  readonly seconds: number;
  readonly mayUseAws: boolean;
  readonly user?: string;
  /** Further lines of the submit file. */
  readonly lines?: readonly string[];
};

/** A finished job and the slot that it ran on, as condor_history tells. */
export type FinishedJob = {
  readonly id: string;
  readonly exitCode: string;
  readonly annex: string;
  readonly instanceId: string;
  readonly host: string;
  /** Unix seconds. */
  readonly started: number;
};

/** Submits jobs that sleep; returns their cluster's number. */
export async function submitJobs(accessPoint: SandboxMachine, terms: JobTerms): Promise<string> {
  const user = terms.user ?? "alice";
  const description = [
    "executable = /bin/sleep",
    "transfer_executable = false",
    `arguments = ${terms.seconds}`,
    "request_cpus = 1",
    "request_memory = 64",
    "request_disk = 1024",
    "should_transfer_files = yes",
    "log = /dev/null",
    ...(terms.mayUseAws ? ["+MayUseAWS = true"] : []),
    ...(terms.lines ?? []),
    `queue ${terms.count}`,
    "",
  ].join("\n");
  const out = await accessPoint.run(["condor_submit", "-terse", "-"], { user, stdin: description });
  return out.split(".")[0] ?? "";
}

/** Jobs of a cluster that have ended, with where they ran. */
export async function finishedJobs(accessPoint: SandboxMachine, cluster: string): Promise<FinishedJob[]> {
  const attributes = [
    "ProcId",
    "ExitCode",
    "MachineAttrAnnexName0",
    "MachineAttrCloudInstanceID0",
    "LastRemoteHost",
    "JobCurrentStartDate",
  ];
  const out = await accessPoint.run(["condor_history", cluster, "-af:,", ...attributes]);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [proc = "", exitCode = "", annex = "", instanceId = "", host = "", started = ""] = line
        .split(",")
        .map((cell) => cell.trim());
      return { id: `${cluster}.${proc}`, exitCode, annex, instanceId, host, started: Number(started) };
    });
}
