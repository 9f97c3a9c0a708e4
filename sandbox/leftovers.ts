import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { sandboxProcesses } from "./processes.ts";

/** What of this machine a sandbox holds while it is up, so that a test can look for it afterwards. */
export type Holdings = {
  readonly directory: string;
  readonly pids: number[];
  readonly namespaces: Set<string>;
  /** In clock ticks since this machine started, as in /proc/PID/stat. */
  readonly takenAt: number;
};

const TICKS_PER_SECOND = 100;
const KINDS = ["mnt", "net", "pid", "uts", "ipc"];

export async function holdings(directory: string): Promise<Holdings> {
  const pids: number[] = [];
  const queue = await sandboxProcesses(directory);
  for (let pid = queue.shift(); pid !== undefined; pid = queue.shift()) {
    if (pids.includes(pid)) continue;
    pids.push(pid);
    for (const task of list(`/proc/${pid}/task`))
      queue.push(...text(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number));
  }
  const ours = new Set(namespacesOf("self"));
  const namespaces = new Set(
    pids.flatMap((pid) => namespacesOf(String(pid))).filter((one) => !ours.has(one)),
  );
  const takenAt = Number.parseFloat(text("/proc/uptime")) * TICKS_PER_SECOND;
  return { directory, pids, namespaces, takenAt };
}

/** What is still there of it, one line each; none when `down` has kept its word. */
export function leftovers({ directory, pids, namespaces, takenAt }: Holdings): string[] {
  const found: string[] = [];
  if (existsSync(directory)) found.push(`directory ${directory}`);
  for (const process of list("/proc").filter((name) => /^\d+$/.test(name))) {
    const what = `${process} ${text(`/proc/${process}/cmdline`).replaceAll("\0", " ")}`;
    const [state, ...fields] = text(`/proc/${process}/stat`)
      .replace(/^.*\) /s, "")
      .split(" ");
    // The kernel gives numbers of namespaces and processes out again, so only what is older than the list is meant.
    const old = Number(fields[18]) <= takenAt;
    if (old && state !== "Z" && pids.includes(Number(process))) found.push(`process ${what}`);
    if (old && namespacesOf(process).some((one) => namespaces.has(one))) found.push(`namespace of ${what}`);
    if (what.includes(`${directory}/`)) found.push(`process ${what}`);
    if (text(`/proc/${process}/mountinfo`).includes(`${directory}/`)) found.push(`mount seen by ${what}`);
  }
  for (const link of list("/sys/class/net"))
    if (/^(br0|v[ai]\d+)$/.test(link)) found.push(`network link ${link}`);
  const routes = execFileSync("ip", ["route", "show", "table", "all"], { encoding: "utf8" });
  if (/169\.254\.169\.254|172\.31\./.test(routes)) found.push(`route in: ${routes}`);
  return found;
}

/** The same, once processes that were just ending are gone. */
export async function lastingLeftovers(held: Holdings, seconds = 5): Promise<string[]> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = leftovers(held);
    if (found.length === 0 || Date.now() > deadline) return found;
    await sleep(100);
  }
}

function namespacesOf(process: string): string[] {
  return KINDS.map((kind) => {
    try {
      return readlinkSync(`/proc/${process}/ns/${kind}`);
    } catch {
      return "";
    }
  }).filter((link) => link !== "");
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
