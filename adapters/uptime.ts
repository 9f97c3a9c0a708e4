import { readFileSync } from "node:fs";

/** Seconds since the machine started. Nothing sets it, and it is the same for every process, whatever it takes for the time. */
export function uptime(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}

/** Linux tells times of processes in this, whatever the kernel itself counts in. */
const TICKS_PER_SECOND = 100;

/** Seconds since a process started. */
export function ageOf(pid: number): number {
  // The program's name stands in parentheses and may hold anything; the start is the twentieth field after it.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const started = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  return uptime() - started / TICKS_PER_SECOND;
}
