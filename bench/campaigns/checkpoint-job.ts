import type { JobRun } from "./job-events.ts";

/** How a job keeps its work: not at all, in files that are fetched when it is told to end, or by checkpoints of its own. */
export const JOB_KINDS = ["keeps nothing", "saves files", "checkpoints itself"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** A job saves its work so often. */
export const CHECKPOINT_SECONDS = 5;
/** Its interval, and what a run takes beside its work, told in whole seconds. */
export const MOST_LOST_SECONDS = CHECKPOINT_SECONDS + 3;
const CHECKPOINT_EXIT_CODE = 85;

/**
 * work SECONDS INTERVAL EXIT-CODE: works so long in all, over however many runs, and saves after every INTERVAL; with
 * an exit code it then ends by it, for HTCondor to fetch the checkpoint and start it again. It notes when it begins,
 * and with how much done.
 */
export const WORK = `#!/bin/sh
work=$(cat progress 2>/dev/null || echo 0)
echo "$(date +%s) $work" >>trail
echo "$work" >progress
unsaved=0
while [ "$work" -lt "$1" ]; do
  sleep 1
  work=$((work + 1))
  unsaved=$((unsaved + 1))
  [ "$unsaved" -ge "$2" ] || continue
  echo "$work" >progress
  [ "$3" = none ] || exit "$3"
  unsaved=0
done
`;

/** Lines of a submit description but its queue statement; `work` is the script's path, $(seconds) how long. */
export function jobDescription(kind: JobKind, work: string): string[] {
  const common = ["should_transfer_files = yes", "request_memory = 64", "request_disk = 1024"];
  if (kind === "keeps nothing") {
    return [...common, "executable = /bin/sleep", "transfer_executable = false", "arguments = $(seconds)"];
  }
  const code = kind === "saves files" ? "none" : String(CHECKPOINT_EXIT_CODE);
  return [
    ...common,
    `executable = ${work}`,
    `arguments = $(seconds) ${CHECKPOINT_SECONDS} ${code}`,
    "transfer_output_files = progress, trail",
    'transfer_output_remaps = "trail = trail.$(Cluster).$(Process); progress = progress.$(Cluster).$(Process)"',
    ...(kind === "saves files"
      ? ["when_to_transfer_output = ON_EXIT_OR_EVICT"]
      : [`checkpoint_exit_code = ${CHECKPOINT_EXIT_CODE}`, "transfer_checkpoint_files = progress, trail"]),
  ];
}

/** HTCondor may tell of a beginning a little after the node has noted it. */
const TOLD_SECONDS = 3;

/** Seconds of work that each run of one job lost, its own overhead included, from the job's notes and HTCondor's log of its runs. */
export function lostSeconds(runs: readonly JobRun[], trail: string): number[] {
  const notes = trail
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ").map(Number))
    .map(([at = 0, work = 0]) => ({ at, work }));
  const begun = (run: JobRun | undefined): number | undefined =>
    run && notes.find(({ at }) => at >= run.started - TOLD_SECONDS && at <= run.ended)?.work;
  return runs.map((run, index) => {
    if (run.end !== "lost") return 0;
    const before = begun(run);
    const after = runs
      .slice(index + 1)
      .map(begun)
      .find((work) => work !== undefined);
    // A run whose notes were lost has saved nothing.
    const saved = before === undefined || after === undefined ? 0 : after - before;
    return Math.max(0, run.ended - run.started - saved);
  });
}
