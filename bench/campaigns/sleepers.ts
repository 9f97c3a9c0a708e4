import type { Sandbox } from "../../sandbox/sandbox.ts";

/** Jobs of alice's that may use AWS and sleep for longer than any campaign; further lines of the submit description. Returns their cluster. */
export async function submitSleepers(
  { accessPoint }: Sandbox,
  count: number,
  ...further: readonly string[]
): Promise<string> {
  const description = [
    "executable = /bin/sleep",
    "transfer_executable = false",
    "arguments = 7200",
    "request_cpus = 1",
    "request_memory = 64",
    "request_disk = 1024",
    "should_transfer_files = yes",
    "+MayUseAWS = true",
    ...further,
    `queue ${count}`,
    "",
  ].join("\n");
  const said = await accessPoint.run(["condor_submit", "-terse", "-"], { user: "alice", stdin: description });
  return said.split(".")[0] ?? "";
}
