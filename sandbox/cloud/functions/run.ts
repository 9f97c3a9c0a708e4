import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";

export type Invocation = {
  functionName: string;
  directory: string;
  handler: string;
  timeoutSeconds: number;
  memory: number;
  environment: Record<string, string>;
  event: string;
};

export type Outcome = {
  requestId: string;
  /** What the function returned, or Lambda's error object, as JSON. */
  payload: string;
  error: "Unhandled" | undefined;
  lines: string[];
  seconds: number;
};

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));
const running = new Set<() => void>();

/** Runs the real code in a process of its own, with nothing in its environment but its own; kills it at its time-out. */
export function run(invocation: Invocation): Promise<Outcome> {
  const requestId = randomUUID();
  const started = Date.now();
  const command = [
    "--pdeathsig",
    "KILL",
    "--",
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    WORKER,
  ];
  const child = spawn("/usr/bin/setpriv", command, {
    cwd: invocation.directory,
    env: {
      PATH: "/usr/bin:/bin",
      TZ: ":UTC",
      LANG: "en_US.UTF-8",
      ...invocation.environment,
      _HANDLER: invocation.handler,
      LAMBDA_TASK_ROOT: invocation.directory,
      AWS_LAMBDA_FUNCTION_NAME: invocation.functionName,
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(invocation.memory),
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
      _SANDBOX_REQUEST_ID: requestId,
      _SANDBOX_DEADLINE_MS: String(started + invocation.timeoutSeconds * 1000),
    },
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    const output: Buffer[] = [];
    const result: Buffer[] = [];
    let late = false;
    const kill = (): void => {
      child.kill("SIGKILL");
    };
    running.add(kill);
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, invocation.timeoutSeconds * 1000);
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.stdio[3]?.on("data", (chunk: Buffer) => result.push(chunk));
    child.stdin.on("error", () => undefined);
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      running.delete(kill);
      const lines = Buffer.concat(output)
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== "");
      const seconds = (Date.now() - started) / 1000;
      const failed = (errorType: string, errorMessage: string): Outcome => ({
        requestId,
        payload: JSON.stringify({ errorType, errorMessage }),
        error: "Unhandled",
        lines,
        seconds,
      });
      if (late) {
        resolve(
          failed(
            "Sandbox.Timedout",
            `${requestId} Error: Task timed out after ${invocation.timeoutSeconds}.00 seconds`,
          ),
        );
        return;
      }
      const text = Buffer.concat(result).toString("utf8");
      if (text === "") {
        resolve(
          failed("Runtime.ExitError", `RequestId: ${requestId} Error: Runtime exited without an answer`),
        );
        return;
      }
      const { payload, error } = JSON.parse(text) as { payload?: unknown; error?: Record<string, string> };
      resolve(
        error === undefined
          ? { requestId, payload: JSON.stringify(payload), error: undefined, lines, seconds }
          : failed(error["errorType"] ?? "Error", error["errorMessage"] ?? ""),
      );
    });
    child.stdin.end(invocation.event);
  });
}

export function killRunning(): void {
  for (const kill of running) kill();
}
