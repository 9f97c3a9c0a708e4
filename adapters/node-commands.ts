import { spawn, type ChildProcess } from "node:child_process";
import { UpdraftError } from "../core/errors.ts";

/** Runs a program without a shell, `input` on its standard input; resolves with its standard output. It is killed after the time given, else after a minute. */
export type Command = (
  program: string,
  args: readonly string[],
  input?: string,
  timeoutSeconds?: number,
) => Promise<string>;
/** Starts a program that goes into the background by itself. */
export type Daemon = (program: string) => Promise<void>;

const COMMAND_SECONDS = 60;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const ERROR_SHOWN = 300;
const OPTIONS = {
  env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  cwd: "/",
} as const;

/** The node's program is kept lean, so this is Node's own spawn. */
export const command: Command = (program, args, input = "", timeoutSeconds = COMMAND_SECONDS) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...OPTIONS, stdio: ["pipe", "pipe", "pipe"] });
    const done = killAfter(child, timeoutSeconds);
    let output = "";
    let error = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      if (output.length < MAX_OUTPUT_BYTES) output += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      if (error.length < ERROR_SHOWN) error += chunk;
    });
    // A program that ends without reading its input is judged by its status.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.on("error", (cause) => {
      done();
      reject(failure(program, `cannot be run: ${cause.message}`));
    });
    child.on("close", (status, signal) => {
      done();
      if (status === 0) resolve(output);
      else reject(failure(program, `${ending(status, signal)}: ${error.replace(/\s+/g, " ").trim()}`));
    });
  });

export const daemon: Daemon = (program) =>
  new Promise((resolve, reject) => {
    // The daemon would inherit pipes and keep them open, so it gets none; what it has to say is in its log.
    const child = spawn(program, [], { ...OPTIONS, stdio: "ignore", detached: true });
    const done = killAfter(child, COMMAND_SECONDS);
    child.on("error", (cause) => {
      done();
      reject(failure(program, `cannot be run: ${cause.message}`));
    });
    child.on("exit", (status, signal) => {
      done();
      if (status === 0) resolve();
      else reject(failure(program, `${ending(status, signal)}; its log says why`));
    });
  });

/** As spawn's own `timeout`, which would keep this program alive for a program that is not there; what is returned ends it. */
function killAfter(child: ChildProcess, seconds: number): () => void {
  const timer = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
  return () => clearTimeout(timer);
}

/** Starts a program that goes on after this one has ended; nobody hears what it says. */
export function detach(program: string, args: readonly string[]): void {
  spawn(program, args, { env: OPTIONS.env, cwd: "/", stdio: "ignore", detached: true }).unref();
}

function ending(status: number | null, signal: string | null): string {
  return signal === null ? `ended with status ${status}` : `was ended by ${signal}`;
}

function failure(program: string, why: string): UpdraftError {
  return new UpdraftError(
    "failed",
    `${program} ${why.slice(0, ERROR_SHOWN)}`,
    `Run ${program} by hand on an instance of this image to see what is wrong.`,
  );
}
