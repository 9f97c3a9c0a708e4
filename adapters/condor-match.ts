import { writeFile } from "node:fs/promises";
import { formatAds } from "../core/ad-json.ts";
import { quote } from "../core/classad.ts";
import { UpdraftError } from "../core/errors.ts";
import type { Matchmaking } from "../core/sensors.ts";
import { freeSlotConstraint } from "./condor-ads.ts";
import { jobAds } from "./condor-queue.ts";
import type { Run } from "./run.ts";

const MATCH_SECONDS = 10;

/** Slots of the annex that take a job now. */
const idleAnnexSlots = (annex: string): string =>
  `State == "Unclaimed" && Offline =!= true && Cpus > 0 && AnnexName =?= ${quote(annex)}`;

/** Asks HTCondor's own matchmaking about jobs by their ads; the schedd is not asked. The file is for slots that are not in the collector. */
export function matchmaking(run: Run, file: string): Matchmaking {
  const matches = async (ads: readonly string[], ...slots: readonly string[]): Promise<number[]> => {
    if (ads.length === 0) return [];
    const args = ["-better-analyze:summary", "-jobads:new", "-", ...slots];
    const said = await run("condor_q", args, { timeoutSeconds: MATCH_SECONDS, input: jobAds(ads) });
    const rows = parseSummary(said);
    const found = ads.map((_, index) => rows.get(`${index + 1}.0`));
    // A job of which nothing is said is an answer that was cut short, never one that matches nothing.
    if (!found.every((count) => count !== undefined)) {
      throw new UpdraftError(
        "failed",
        "condor_q does not say of every job how many slots it matches",
        "Run condor_q -better-analyze:summary by hand to see what is wrong.",
      );
    }
    return found;
  };
  return {
    freeSlots: (ads, annex) => matches(ads, "-mconstraint", freeSlotConstraint(annex)),
    idleAnnexSlots: (ads, annex) => matches(ads, "-mconstraint", idleAnnexSlots(annex)),
    async templates(ads, slots) {
      // Nobody reads it but the next line, and whoever else would write it waits for the lock of the run.
      await writeFile(file, formatAds(slots), { mode: 0o600 });
      return matches(ads, "-slotads:new", file);
    },
  };
}

/**
 * Rows of `-better-analyze:summary`: job, members/idle (where the schedd knows them), slots that the job's
 * requirements take, slots that refuse the job, slots that run the user's or others' jobs, available slots, owner.
 */
export function parseSummary(output: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of output.split("\n")) {
    const row = /^\s*(\d+\.\d+)\s+(?:\d+\/\d+\s+)?\d+\s+\d+\s+\d+\s+\d+\s+(\d+)(?:\s|$)/.exec(line);
    if (row !== null) found.set(row[1] ?? "", Number(row[2]));
  }
  return found;
}
