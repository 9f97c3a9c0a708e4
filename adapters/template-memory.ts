import { readFile } from "node:fs/promises";
import type { Matchmaking } from "../core/sensors.ts";
import { sha256 } from "./archive.ts";
import { writeAtomically } from "./files.ts";

/** HTCondor is asked at least so often, because a job's requirements may depend on the time. */
const REUSED_SECONDS = 300;

type Kept = { readonly question: string; readonly answer: readonly number[]; readonly at: number };

/** Asks HTCondor which jobs slots to come would take only when jobs or slots are others than the last time. */
export function rememberingTemplates(matches: Matchmaking, file: string, now: () => number): Matchmaking {
  return {
    ...matches,
    async templates(ads, slots) {
      const question = sha256(new TextEncoder().encode(JSON.stringify([ads, slots])));
      const kept = await recall(file);
      const age = now() - (kept?.at ?? Number.NEGATIVE_INFINITY);
      if (kept?.question === question && age >= 0 && age < REUSED_SECONDS) return kept.answer;
      const answer = await matches.templates(ads, slots);
      await writeAtomically(file, JSON.stringify({ question, answer, at: now() }));
      return answer;
    },
  };
}

async function recall(file: string): Promise<Kept | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Kept;
  } catch {
    return undefined;
  }
}
