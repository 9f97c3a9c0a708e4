import { UpdraftError } from "../../core/errors.ts";
import { lastLines } from "../run.ts";
import type { ExecOptions, ExecResult } from "./exec.ts";

export type FileOptions = { readonly mode?: string; readonly owner?: string; readonly group?: string };

/** The file appears whole, and is never readable by more than it shall be. A name with a dot is skipped by whoever reads config.d. */
const WRITE_FILE = `
set -eu
directory=$(dirname "$1")
mkdir -p "$directory"
new=$directory/.new-$(basename "$1")
umask 077
cat > "$new"
chown "$3" "$new"
chmod "$2" "$new"
mv -f "$new" "$1"`;

/** What can be done on a machine, whether it is reached from inside the sandbox or from outside. */
export type Commands = {
  /** Whatever the exit status is. Aborting kills the command. */
  exec(command: readonly string[], options?: ExecOptions, signal?: AbortSignal): Promise<ExecResult>;
  /** Anything but exit status 0 is an error. Returns what the command printed. */
  run(command: readonly string[], options?: ExecOptions): Promise<string>;
  /** With its directories; root's and mode 644 unless said. */
  writeFile(path: string, content: string | Uint8Array, options?: FileOptions): Promise<void>;
};

export function commands(name: string, exec: Commands["exec"]): Commands {
  const run: Commands["run"] = async (command, options = {}) => {
    const result = await exec(command, options);
    if (result.exitCode === 0) return result.stdout;
    const how = result.timedOut
      ? `no end after ${options.timeoutSeconds} s`
      : `exit status ${result.exitCode}`;
    throw new UpdraftError(
      "failed",
      `${command.slice(0, 4).join(" ")} on ${name} failed (${how}): ${lastLines(result.stderr || result.stdout, 8)}`,
      "Run it there by hand: npm run sandbox -- shell",
    );
  };
  return {
    exec,
    run,
    async writeFile(path, content, { mode = "644", owner = "root", group = "root" } = {}) {
      await run(["sh", "-c", WRITE_FILE, "sh", path, mode, `${owner}:${group}`], { stdin: content });
    },
  };
}
