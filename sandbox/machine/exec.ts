import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { UpdraftError } from "../../core/errors.ts";
import { SYSTEM_PATH } from "../run.ts";

export type ExecOptions = {
  /** On top of PATH, HOME, USER, SHELL and LANG. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** root unless named. */
  readonly user?: string;
  /** HOME of the user unless named. */
  readonly directory?: string;
  /** Then the command and what it started in its process group are killed; never unless named. */
  readonly timeoutSeconds?: number;
};

export type ExecResult = {
  readonly stdout: string;
  readonly stderr: string;
  /** As a shell has it: 128 + signal for one that was killed. */
  readonly exitCode: number;
  readonly timedOut: boolean;
};

type Account = { readonly uid: string; readonly gid: string; readonly home: string; readonly shell: string };

const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
} as const;
/** A background process that keeps the command's output open does not keep the caller waiting longer than this. */
const DRAIN_MILLISECONDS = 500;

/** Arguments that put a command into all namespaces of the machine whose init has this pid. */
export function enter(pid: number): [string, ...string[]] {
  return [
    "nsenter",
    "--target",
    String(pid),
    "--mount",
    "--uts",
    "--ipc",
    "--net",
    "--pid",
    "--root",
    "--wd",
    "--",
  ];
}

/** What stands before a command that a user runs. */
export function asUser(user: string, account: Account, directory: string = account.home): string[] {
  const ids = ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--init-groups", "--"];
  return ["env", `--chdir=${directory}`, ...(user === "root" ? [] : ids)];
}

/** A clean environment. It is handed over as such, never as arguments, which anyone could read. */
export function environmentOf(
  user: string,
  account: Account,
  additions: ExecOptions["environment"],
): Record<string, string> {
  const { home, shell } = account;
  return {
    PATH: SYSTEM_PATH,
    HOME: home,
    USER: user,
    LOGNAME: user,
    SHELL: shell,
    LANG: "C.UTF-8",
    ...additions,
  };
}

/** The line of a machine's /etc/passwd. */
export function account(passwd: string, user: string): Account {
  const fields = passwd
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === user);
  const [, , uid, gid, , home, shell] = fields ?? [];
  if (uid === undefined || gid === undefined)
    throw new UpdraftError(
      "usage",
      `there is no user ${user} on that machine`,
      "Name one of its /etc/passwd.",
    );
  return { uid, gid, home: home || "/", shell: shell || "/bin/sh" };
}

/** Runs a command in a machine, whatever it does with its exit status. Aborting kills it. */
export async function exec(
  pid: number,
  command: readonly string[],
  options: ExecOptions,
  signal?: AbortSignal,
): Promise<ExecResult> {
  const user = options.user ?? "root";
  const known = account(await readFile(`/proc/${pid}/root/etc/passwd`, "utf8"), user);
  const [program, ...args] = [...enter(pid), ...asUser(user, known, options.directory), ...command];
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: environmentOf(user, known, options.environment),
    detached: true,
    cwd: "/",
  });
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout.on("data", (chunk: Buffer) => output.stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.stderr.push(chunk));
  // A command that does not read its input is no error.
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");

  let timedOut = false;
  const killGroup = () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  };
  const timer =
    options.timeoutSeconds === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          killGroup();
        }, options.timeoutSeconds * 1000);
  signal?.addEventListener("abort", killGroup, { once: true });
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      let drain: NodeJS.Timeout | undefined;
      const code = () => child.exitCode ?? 128 + (SIGNALS[child.signalCode as keyof typeof SIGNALS] ?? 0);
      child.once("error", reject);
      child.once("exit", () => (drain = setTimeout(() => resolve(code()), DRAIN_MILLISECONDS)));
      child.once("close", () => {
        clearTimeout(drain);
        resolve(code());
      });
    });
    return {
      stdout: Buffer.concat(output.stdout).toString("utf8"),
      stderr: Buffer.concat(output.stderr).toString("utf8"),
      exitCode,
      timedOut,
    };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", killGroup);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}
