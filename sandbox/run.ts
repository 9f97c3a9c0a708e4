import { execa } from "execa";
import { UpdraftError } from "../core/errors.ts";

/** Names of Debian's system directories, which an ordinary user's PATH lacks. */
export const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type RunOptions = {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  /** What to do when it fails. */
  readonly remedy?: string;
};

/** Runs a program of this machine and returns what it printed; anything but exit status 0 is an error with its last words. */
export async function run(
  command: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<string> {
  const [program, ...args] = command;
  const result = await execa(program, args, {
    env: { PATH: SYSTEM_PATH, LC_ALL: "C.UTF-8", ...options.environment },
    extendEnv: false,
    reject: false,
    stripFinalNewline: true,
    all: true,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
  });
  if (result.exitCode === 0) return result.stdout;
  const how =
    result.exitCode === undefined ? (result.signal ?? result.shortMessage) : `exit status ${result.exitCode}`;
  throw new UpdraftError(
    "failed",
    `${command.slice(0, 6).join(" ")} failed (${how}): ${lastLines(result.all ?? "", 12)}`,
    options.remedy ?? "Run the command by hand to see more.",
  );
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** Root's powers over what no namespace separates: the clock, kernel modules, the hardware, the kernel's log. */
const DANGEROUS = [
  "sys_time",
  "sys_module",
  "sys_rawio",
  "syslog",
  "wake_alarm",
  "block_suspend",
  "sys_pacct",
];

/** Takes from a command, and from all that it starts, what could change the whole machine. */
export function restrained(command: readonly string[]): [string, ...string[]] {
  return ["setpriv", `--bounding-set=${DANGEROUS.map((name) => `-${name}`).join(",")}`, "--", ...command];
}

/** Puts a command into namespaces of its own, so that its mounts and all its processes end with it, and it with us. */
export function confined(command: readonly string[]): [string, ...string[]] {
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
  return restrained(["setpriv", "--pdeathsig", "KILL", "unshare", ...namespaces, "--", ...command]);
}
