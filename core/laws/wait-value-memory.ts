import { NO_ARRIVALS, type Arrivals } from "./arrivals.ts";
import type { BootDelays } from "./boot-delay.ts";
import { GAP_MINUTES, NO_GAPS, type Gaps } from "./keep-warm.ts";
import { AGES, GROUPS_REMEMBERED, NO_RUN_TIMES, type Ages, type RunTimes } from "./run-times.ts";

export type WaitValueMemory = {
  readonly runTimes: RunTimes;
  readonly arrivals: Arrivals;
  readonly boots: BootDelays;
  readonly gaps: Gaps;
  /** Mean share of a machine of the latest jobs. */
  readonly meanShare: number;
  /** Settled anew each quarter of an hour. */
  readonly gateHours: number;
  readonly keepMinutes: number;
  readonly looks: number;
};

export const NO_WAIT_VALUE_MEMORY: WaitValueMemory = {
  runTimes: NO_RUN_TIMES,
  arrivals: NO_ARRIVALS,
  boots: [],
  gaps: NO_GAPS,
  meanShare: 0,
  gateHours: 0,
  keepMinutes: 0,
  looks: 0,
};

/** No list of a memory is longer: twelve hours of quick looks, or a level for each of ten thousand instances. */
const LONGEST = 20_000;

/** A memory as it came back from a file; what is not one of ours is none. */
export function readWaitValueMemory(found: unknown): WaitValueMemory {
  const { runTimes, arrivals, boots, gaps, ...rest } = record(found);
  const { all, groups } = record(runTimes);
  const { lastNeeded, counts } = record(gaps);
  const read = {
    all: ages(all),
    groups: Object.entries(record(groups))
      .slice(0, GROUPS_REMEMBERED)
      .map(([group, known]) => [group, ages(known)] as const),
    perLook: amounts(record(arrivals)["perLook"]),
    boots: amounts(boots),
    lastNeeded: amounts(lastNeeded),
    counts: amounts(counts, GAP_MINUTES.length),
    meanShare: amount(rest["meanShare"]),
    gateHours: amount(rest["gateHours"]),
    keepMinutes: amount(rest["keepMinutes"]),
    looks: amount(rest["looks"]),
  };
  if (!whole(read) || !read.groups.every(isWhole)) return NO_WAIT_VALUE_MEMORY;
  const { perLook, counts: gapCounts, lastNeeded: levels, all: everybody, groups: known, ...numbers } = read;
  return {
    ...numbers,
    runTimes: { all: everybody, groups: Object.fromEntries(known) },
    arrivals: { perLook },
    gaps: { lastNeeded: levels, counts: gapCounts },
  };
}

type Whole<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

function whole<T extends object>(read: T): read is T & Whole<T> {
  return !Object.values(read).includes(undefined);
}

function isWhole(entry: readonly [string, Ages | undefined]): entry is readonly [string, Ages] {
  return entry[1] !== undefined;
}

function ages(found: unknown): Ages | undefined {
  const ends = amounts(record(found)["ends"], AGES.length);
  const hours = amounts(record(found)["hours"], AGES.length);
  return ends === undefined || hours === undefined ? undefined : { ends, hours };
}

function amounts(found: unknown, length?: number): readonly number[] | undefined {
  if (!Array.isArray(found) || found.length > LONGEST || (length !== undefined && found.length !== length)) {
    return undefined;
  }
  return found.every((one) => amount(one) !== undefined) ? (found as readonly number[]) : undefined;
}

function amount(found: unknown): number | undefined {
  return typeof found === "number" && Number.isFinite(found) && found >= 0 ? found : undefined;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
