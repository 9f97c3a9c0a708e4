import { readdir, readFile, readlink } from "node:fs/promises";

/** Environment variable by which a sandbox's own processes are found again, whatever became of `up`. */
export const MARKER = "UPDRAFT_SANDBOX_AT";

/** Host pids of the processes that keep the sandbox in this directory alive, oldest first; none when it is down. */
export async function sandboxProcesses(directory: string): Promise<number[]> {
  const marker = `${MARKER}=${directory}`;
  const marked: number[] = [];
  for (const pid of await processIds()) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (environment.split("\0").includes(marker) && (await isAlive(pid))) marked.push(pid);
  }
  return marked;
}

/** Process 1 of the sandbox's own pid namespace, as this machine numbers it. */
export async function sandboxInit(directory: string): Promise<number | undefined> {
  for (const pid of await sandboxProcesses(directory)) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    if (/^NSpid:(\s+\d+)*\s+1$/m.test(status)) return pid;
  }
  return undefined;
}

/** Ends them all at once and waits until the kernel has taken their namespaces apart; false when it has not by then. */
export async function endSandbox(directory: string, deadlineSeconds: number): Promise<boolean> {
  const deadline = Date.now() + deadlineSeconds * 1000;
  // One that is ending shows no environment any more, so what was seen once is remembered, and process 1 from its file.
  const seen = new Set<number>();
  const init = await recordedInit(directory);
  if (init !== undefined) seen.add(init);
  for (;;) {
    for (const pid of await sandboxProcesses(directory)) {
      seen.add(pid);
      kill(pid);
    }
    for (const pid of seen) if (!(await isAlive(pid))) seen.delete(pid);
    if (seen.size === 0) return true;
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What /proc said of process 1 when it started; undefined when that process is no more and its number perhaps another's. */
async function recordedInit(directory: string): Promise<number | undefined> {
  const recorded = await readFile(`${directory}/init.stat`, "utf8").catch(() => "");
  const pid = Number.parseInt(recorded, 10);
  if (!(pid > 1)) return undefined;
  const now = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return startTime(now) === startTime(recorded) ? pid : undefined;
}

/** Field 22 of /proc/PID/stat; the second, a name in brackets, may hold blanks. */
function startTime(stat: string): string | undefined {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** The mount namespaces in which something is mounted from below one of these directories. */
export async function mountedFrom(paths: readonly string[]): Promise<Set<string>> {
  const used = new Set<string>();
  const seen = new Set<string>();
  for (const pid of await processIds()) {
    const namespace = await readlink(`/proc/${pid}/ns/mnt`).catch(() => "");
    if (namespace === "" || seen.has(namespace)) continue;
    seen.add(namespace);
    const mounts = await readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => "");
    for (const path of paths) if (mounts.includes(path)) used.add(path);
  }
  return used;
}

async function processIds(): Promise<number[]> {
  const names = await readdir("/proc");
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** A zombie holds nothing any more, and where process 1 of a container does not reap, it stays for ever. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/^\d+ \(.*\) [ZX] /s.test(stat);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}
