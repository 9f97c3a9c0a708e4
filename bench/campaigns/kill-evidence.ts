import { parseEntry } from "../../core/journal.ts";
import type { RequestLogEntry } from "../../sandbox/cloud/ports.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";

export const WINDOWS = [
  "before the journal",
  "before the request",
  "before the answer",
  "before the record",
  "between request and record",
  "after the record",
  "after its end",
] as const;
/** In which part of its life a run died. */
export type Window = (typeof WINDOWS)[number];

/** What a killed run has left: in the cloud's request log, and in the journal's directory. */
export type Evidence = {
  readonly exitCode: number;
  readonly requests: readonly RequestLogEntry[];
  readonly entries: readonly { orderId: string; count: number; answered: boolean }[];
  /** Records that were being written, whole or not. */
  readonly drafts: readonly { answered: boolean }[];
};

export const STATE_DIRECTORY = "/var/lib/updraft";

export async function fleetRequests(sandbox: Sandbox, since: number): Promise<RequestLogEntry[]> {
  return (await sandbox.requests()).filter(({ action, time }) => action === "CreateFleet" && time > since);
}

export async function evidence(sandbox: Sandbox, exitCode: number, since: number): Promise<Evidence> {
  const files = await journalFiles(sandbox);
  const entries = files
    .filter(({ name }) => name.startsWith("order-"))
    .map(({ name, text }) => {
      const entry = parseEntry(text);
      if (typeof entry === "string") throw new Error(`${name}: ${entry}`);
      return { orderId: entry.orderId, count: entry.count, answered: entry.answer !== undefined };
    });
  const drafts = files
    .filter(({ name }) => name.startsWith(".order-"))
    .map(({ text }) => ({ answered: text.includes('"answer":') }));
  return { exitCode, requests: await fleetRequests(sandbox, since), entries, drafts };
}

export async function journalFiles(sandbox: Sandbox): Promise<{ name: string; text: string }[]> {
  const list = `cd ${STATE_DIRECTORY} && ls -A`;
  const names = (await sandbox.accessPoint.run(["sh", "-c", list])).split("\n");
  return Promise.all(
    names
      .filter((name) => /^\.?order-/.test(name))
      .map(async (name) => ({
        name,
        text: await sandbox.accessPoint.run(["cat", `${STATE_DIRECTORY}/${name}`]),
      })),
  );
}

export function windowOf({ exitCode, requests, entries, drafts }: Evidence): Window {
  if (exitCode === 0) return "after its end";
  if (entries.some(({ answered }) => answered)) return "after the record";
  if (requests.length === 0) return entries.length === 0 ? "before the journal" : "before the request";
  // A dropped answer left no status behind, and a run that writes it down has read it.
  if (requests.every(({ status }) => status === 0)) return "before the answer";
  return drafts.some(({ answered }) => answered) ? "before the record" : "between request and record";
}
