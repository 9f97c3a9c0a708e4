import { readFile } from "node:fs/promises";
import { sha256 } from "./archive.ts";
import { writeAtomically } from "./files.ts";

export type AnswerMemory = {
  /**
   * What was answered to the same question at most so many seconds ago, by this run or an earlier one; else what `ask`
   * answers now, which must be JSON. A failure is not kept, nor is `undefined`.
   */
  recent<T>(name: string, question: unknown, seconds: number, ask: () => Promise<T>): Promise<T>;
};

type Kept = { readonly question: string; readonly at: number; readonly answer: unknown };

/** Nobody asks for an answer so old. */
const FORGOTTEN_SECONDS = 86_400;

/** Keeps the last answer of each name in one file, which may be removed at any time. `now` is in Unix seconds. */
export function answerMemory(file: string, now: () => number): AnswerMemory {
  const asked = new Map<string, Promise<unknown>>();
  const before = read(file);
  const kept = new Map<string, Kept>();
  let written: Promise<void> = Promise.resolve();

  async function answered(name: string, question: string, seconds: number, ask: () => Promise<unknown>) {
    const known = (await before)[name];
    const age = now() - (known?.at ?? Number.NEGATIVE_INFINITY);
    if (known?.question === question && age >= 0 && age < seconds) return known.answer;
    const answer = await ask();
    if (answer === undefined) return undefined;
    kept.set(name, { question, at: now(), answer });
    const young = Object.entries(await before).filter(([, { at }]) => now() - at < FORGOTTEN_SECONDS);
    written = written.then(() =>
      writeAtomically(file, JSON.stringify({ ...Object.fromEntries(young), ...Object.fromEntries(kept) })),
    );
    await written;
    return answer;
  }

  return {
    recent<T>(name: string, question: unknown, seconds: number, ask: () => Promise<T>): Promise<T> {
      const mark = sha256(new TextEncoder().encode(JSON.stringify(question)));
      const key = `${name} ${mark}`;
      const answer = asked.get(key) ?? answered(name, mark, seconds, ask);
      asked.set(key, answer);
      return answer as Promise<T>;
    },
  };
}

async function read(file: string): Promise<Readonly<Record<string, Kept>>> {
  try {
    const found: unknown = JSON.parse(await readFile(file, "utf8"));
    return typeof found === "object" && found !== null ? (found as Record<string, Kept>) : {};
  } catch {
    return {};
  }
}
