import { formatDuration } from "../core/time.ts";
import type { Status } from "./control.ts";
import type { State } from "./sandbox.ts";

const EXPLAINED: Record<State, string> = {
  up: "is up",
  unfinished: "is starting, or hangs",
  dead: "is dead; `down` or `up` clears away what it left",
  down: "is not there",
};

/** `now` in Unix seconds. */
export function statusText(name: string, state: State, status: Status | undefined, now: number): string {
  const lines = [`Sandbox ${name} ${EXPLAINED[state]}.`];
  if (status !== undefined) {
    lines.push(`AWS endpoint ${status.endpoint}, region ${status.region}, account ${status.accountId}`);
    const accessPoints = status.machines.filter(({ name, hostName }) => name === hostName);
    for (const { hostName, address } of accessPoints) lines.push(`access point  ${hostName}  ${address}`);
    lines.push(status.instances.length === 0 ? "no instances" : "");
    const rows = status.instances.map((one) => [
      one.instanceId,
      one.state,
      one.instanceType,
      one.privateIp,
      formatDuration(now - one.launched),
      Object.entries(one.tags)
        .map(([key, value]) => `${key}=${value}`)
        .join(" "),
    ]);
    lines.push(...columns(rows));
  }
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}

export function columns(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
