import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { sandboxProcesses } from "./processes.ts";

/** What of this machine a sandbox holds while it is up, so that a test can look for it afterwards. */
export type Holdings = {
  readonly directory: string;
  readonly pids: number[];
  readonly namespaces: Set<string>;
};

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
  return { directory, pids, namespaces };
}

/** What is still there of it, one line each; none when `down` has kept its word. */
export function leftovers({ directory, pids, namespaces }: Holdings): string[] {
  const found: string[] = [];
  if (existsSync(directory)) found.push(`directory ${directory}`);
  for (const process of list("/proc").filter((name) => /^\d+$/.test(name))) {
    const command = text(`/proc/${process}/cmdline`).replaceAll("\0", " ");
    const zombie = /\) Z /.test(text(`/proc/${process}/stat`));
    if (pids.includes(Number(process)) && !zombie && namespacesOf(process).some((one) => namespaces.has(one)))
      found.push(`process ${process} ${command}`);
    if (command.includes(`${directory}/`)) found.push(`process ${process} ${command}`);
    for (const namespace of namespacesOf(process))
      if (namespaces.has(namespace)) found.push(`${namespace} of ${process}`);
    if (text(`/proc/${process}/mountinfo`).includes(`${directory}/`))
      found.push(`mount seen by ${process} ${command}`);
  }
  for (const link of list("/sys/class/net"))
    if (/^(br0|v[ai]\d+)$/.test(link)) found.push(`network link ${link}`);
  const routes = execFileSync("ip", ["route", "show", "table", "all"], { encoding: "utf8" });
  if (/169\.254\.169\.254|172\.31\./.test(routes)) found.push(`route in: ${routes}`);
  return found;
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
