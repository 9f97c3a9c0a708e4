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

/** For so many groups of jobs HTCondor is asked which slots take them, and not only how many. */
const ASKED_ONE_BY_ONE = 4;

/** Asks HTCondor's own matchmaking about jobs by their ads; the schedd is not asked. The file is for slots that are not in the collector. */
export function matchmaking(run: Run, file: string): Matchmaking {
  const analyze = async (how: string, ads: readonly string[], slots: readonly string[]): Promise<string> => {
    const args = [`-better-analyze:${how}`, "-jobads:new", "-", ...slots];
    return run("condor_q", args, { timeoutSeconds: MATCH_SECONDS, input: jobAds(ads) });
  };

  const summary = async (ads: readonly string[], ...slots: readonly string[]): Promise<Summary> => {
    if (ads.length === 0) return { slots: 0, matches: [] };
    const said = await analyze("summary", ads, slots);
    const rows = parseSummary(said);
    const matches = ads.map((_, index) => rows.get(`${index + 1}.0`));
    // A job of which nothing is said is an answer that was cut short, never one that matches nothing.
    if (!matches.every((count) => count !== undefined)) {
      throw new UpdraftError(
        "failed",
        "condor_q does not say of every job how many slots it matches",
        "Run condor_q -better-analyze:summary by hand to see what is wrong.",
      );
    }
    return { slots: Number(/^Analyzing matches for (\d+) slots/m.exec(said)?.[1]), matches };
  };

  /** Names of the slots that take a job of one of these ads. */
  const takers = async (ads: readonly string[], constraint: string): Promise<ReadonlySet<string>> =>
    parseTakers(await analyze("summary,reverse", ads, ["-mconstraint", constraint]));

  return {
    async freeSlots(ads, _slots, annex) {
      const constraint = freeSlotConstraint(annex);
      const { slots, matches } = await summary(ads, "-mconstraint", constraint);
      const isPartial = (count: number, of: number): boolean => count > 0 && count !== of;
      if (!matches.some((count) => isPartial(count, slots))) return matches.map((count) => ({ count }));
      // Many slots of a pool take nobody's jobs, such as drained ones and desktops in use.
      const open = await takers(ads, constraint);
      const asked = ads
        .filter((_, index) => isPartial(matches[index] ?? 0, open.size))
        .slice(0, ASKED_ONE_BY_ONE);
      const found = await Promise.all(asked.map((ad) => takers([ad], constraint)));
      const known = new Map(asked.map((ad, index) => [ad, found[index] ?? open]));
      return ads.map((ad, index) => {
        const count = matches[index] ?? 0;
        const among = known.get(ad) ?? open;
        // One that tells of fewer slots than the summary was cut short, or slots have gone meanwhile.
        return among.size < count ? { count } : { count, among };
      });
    },
    idleAnnexSlots: async (ads, annex) => (await summary(ads, "-mconstraint", idleAnnexSlots(annex))).matches,
    async templates(ads, slots) {
      // Nobody reads it but the next line, and whoever else would write it waits for the lock of the run.
      await writeFile(file, formatAds(slots), { mode: 0o600 });
      return (await summary(ads, "-slotads:new", file)).matches;
    },
  };
}

type Summary = {
  /** How many were looked at. */
  readonly slots: number;
  /** How many of them take a job, for each of its ads. */
  readonly matches: readonly number[];
};

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

/**
 * Rows of `-better-analyze:summary,reverse`: slot, type, jobs that its requirements take, jobs whose requirements take
 * it, and the share of those where both hold.
 */
export function parseTakers(output: string): Set<string> {
  const found = new Set<string>();
  for (const line of output.split("\n")) {
    const row = /^(\S+)\s+\S+\s+\d+\s+\d+\s+(\d+\.\d+)\s*$/.exec(line);
    if (row !== null && Number(row[2]) > 0) found.add(row[1] ?? "");
  }
  return found;
}
