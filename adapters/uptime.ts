import { readFileSync } from "node:fs";

/** Seconds since the machine started. Nothing sets it, and it is the same for every process, whatever it takes for the time. */
export function uptime(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}
