import { readFile } from "node:fs/promises";
import { directory, writeAtomically } from "../adapters/node-files.ts";
import { formatKnowledge, parseKnowledge, type Knowledge } from "../core/end-of-life.ts";
import {
  GUARD_DIRECTORY,
  GUARD_SETTINGS_PATH,
  KNOWLEDGE_PATH,
  NODE_STATE_PATH,
  type GuardSettings,
  type NodeState,
} from "../core/node-state.ts";

/** Only root may read or write there, so what stands there is believed. */
export async function writeSettings(settings: GuardSettings): Promise<void> {
  await directory(GUARD_DIRECTORY, 0o700);
  await writeAtomically(GUARD_SETTINGS_PATH, `${JSON.stringify(settings)}\n`, 0o600);
}

export async function readSettings(): Promise<GuardSettings | undefined> {
  return readJson<GuardSettings>(GUARD_SETTINGS_PATH);
}

export async function writeKnowledge(known: Knowledge): Promise<void> {
  await directory(GUARD_DIRECTORY, 0o700);
  await writeAtomically(KNOWLEDGE_PATH, formatKnowledge(known), 0o600);
}

export async function readKnowledge(): Promise<Knowledge | undefined> {
  return parseKnowledge(await readFile(KNOWLEDGE_PATH, "utf8").catch(() => ""));
}

/** What a guard before this one wrote since the machine started; its directory is emptied by a reboot. */
export async function readNodeState(): Promise<NodeState | undefined> {
  return readJson<NodeState>(NODE_STATE_PATH);
}

async function readJson<T extends { readonly format: 1 }>(path: string): Promise<T | undefined> {
  try {
    const value = JSON.parse(await readFile(path, "utf8")) as T;
    return value.format === 1 ? value : undefined;
  } catch {
    return undefined;
  }
}
