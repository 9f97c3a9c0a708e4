import { AS_HOOK, HOOK } from "../../bench/hook-process.ts";
import type { SandboxMachine } from "../../sandbox/sandbox.ts";

export type HookRun = {
  readonly exitCode: number;
  readonly stderr: string;
  readonly seconds: number;
  /** Attributes as HTCondor would read them: strings without their quotes, the rest as it is printed. */
  readonly attributes: Readonly<Record<string, string>>;
};

/** Runs the hook once, as the schedd does. */
export async function runHook(
  accessPoint: SandboxMachine,
  environment: Readonly<Record<string, string>> = {},
): Promise<HookRun> {
  const started = performance.now();
  const { environment: own, ...asHook } = AS_HOOK;
  // By env on the machine, so that nothing but the hook itself is run with them.
  const variables = Object.entries({ ...own, ...environment }).map(([name, value]) => `${name}=${value}`);
  const command = ["env", ...variables, HOOK];
  const { exitCode, stdout, stderr } = await accessPoint.exec(command, asHook);
  const lines = stdout.split("\n").filter((line) => line !== "");
  const attributes = lines.map((line) => {
    const [, name = line, value = ""] = /^(\w+) = (.*)$/.exec(line) ?? [];
    return [name, value.replace(/^"(.*)"$/, "$1")] as const;
  });
  const seconds = (performance.now() - started) / 1000;
  return { exitCode, stderr, seconds, attributes: Object.fromEntries(attributes) };
}

/** Submits jobs that sleep and may use AWS, with further lines of the submit file; returns the cluster's number. */
export async function submitOptedIn(
  accessPoint: SandboxMachine,
  count: number,
  seconds: number,
  ...lines: readonly string[]
): Promise<string> {
  const description = [
    "executable = /bin/sleep",
    "transfer_executable = false",
    `arguments = ${seconds}`,
    "request_cpus = 1",
    "request_memory = 64",
    "request_disk = 1024",
    "should_transfer_files = yes",
    "log = /dev/null",
    "+MayUseAWS = true",
    ...lines,
    `queue ${count}`,
    "",
  ].join("\n");
  const out = await accessPoint.run(["condor_submit", "-terse", "-"], { user: "alice", stdin: description });
  return out.split(".")[0] ?? "";
}
