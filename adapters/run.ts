import { execa } from "execa";
import { UpdraftError } from "../core/errors.ts";

export type RunOptions = {
  readonly timeoutSeconds: number;
  readonly maxBytes?: number;
  /** What the program reads. */
  readonly input?: string;
  /** Takes what the program prints as it comes, however much it is; the result is then empty. */
  readonly onText?: (text: string) => void;
};

/** Runs a program and gives its standard output. Failures name the program, never its arguments: they may hold secrets. */
export type Run = (program: string, args: readonly string[], options?: RunOptions) => Promise<string>;

const DEFAULTS: RunOptions = { timeoutSeconds: 30 };
const MAX_BYTES = 64 * 1024 * 1024;
const STDERR_SHOWN = 300;

export function run(environment: Readonly<Record<string, string>> = {}): Run {
  return async (program, args, options = DEFAULTS) => {
    const { input, onText } = options;
    const subprocess = execa(program, args, {
      reject: false,
      ...(input === undefined ? { stdin: "ignore" } : { input }),
      buffer: { stdout: onText === undefined },
      timeout: options.timeoutSeconds * 1000,
      maxBuffer: options.maxBytes ?? MAX_BYTES,
      forceKillAfterDelay: 2000,
      stripFinalNewline: false,
      env: { LC_ALL: "C", ...environment },
    });
    if (onText !== undefined) subprocess.stdout.setEncoding("utf8").on("data", onText);
    const result = await subprocess;
    if (!result.failed) return result.stdout ?? "";
    if (result.code === "ENOENT") throw notFound(program);
    if (result.code === "EACCES") {
      throw new UpdraftError(
        "denied",
        `${program} may not be executed`,
        `Check the permissions of ${program}.`,
      );
    }
    const why = result.timedOut
      ? `did not end within ${options.timeoutSeconds} s`
      : result.isMaxBuffer
        ? "printed more than can be read"
        : result.signal !== undefined
          ? `was ended by ${result.signal}`
          : `ended with status ${result.exitCode ?? "unknown"}`;
    const said = result.stderr.replace(/\s+/g, " ").trim().slice(0, STDERR_SHOWN);
    throw new UpdraftError(
      "failed",
      `${program} ${why}${said === "" ? "" : `: ${said}`}`,
      `Run ${program} by hand to see what is wrong.`,
    );
  };
}

function notFound(program: string): UpdraftError {
  return /^(condor_|classad_)/.test(program)
    ? new UpdraftError(
        "config",
        `no HTCondor on PATH: there is no program ${program}`,
        "Run this on the access point, or add the directory of HTCondor's programs to PATH.",
      )
    : new UpdraftError(
        "config",
        `there is no program ${program} on PATH`,
        `Install ${program} or add it to PATH.`,
      );
}
