import type { JobGroup } from "./demand.ts";
import type { UnixTime } from "./time.ts";

/** A shape that idle nodes match, though none of its jobs starts on them. */
export type Stalled = {
  /** End of the last negotiation cycle that it was seen after. */
  readonly cycleAt: UnixTime;
  /** When idle nodes were first seen to match it. */
  readonly since: UnixTime;
  /** Cycles that have passed it over. */
  readonly cycles: number;
  /** Jobs of the shape that waited and that ran on the annex when it was last looked at. */
  readonly waiting: number;
  readonly running: number;
  /** Nothing is ordered for it before; undefined while it is. */
  readonly until: UnixTime | undefined;
  /** How often nothing was ordered for it. */
  readonly times: number;
};

/** By a fingerprint of the shape. */
export type NoStart = Readonly<Record<string, Stalled>>;

const CYCLES = 3;
/** Where cycles are short, what has been matched may still be on its way to a start. */
const LEAST_SECONDS = 180;
const FIRST_SECONDS = 3600;
const LONGEST_SECONDS = 86_400;
/** Shapes of which it is remembered: those beyond are ordered for. */
const REMEMBERED = 200;

export type ShapeSeen = {
  readonly group: JobGroup;
  readonly key: string;
  /** Idle slots of the annex that match it, as HTCondor says. */
  readonly matching: number;
  /** Jobs like it that run on the annex. */
  readonly running: number;
};

/**
 * Which shapes have been passed over in three negotiation cycles though idle nodes match them. They are left alone
 * for an hour, then for twice as long each time, as another node would not help.
 */
export function stalled(
  before: NoStart,
  shapes: readonly ShapeSeen[],
  negotiatedAt: UnixTime | undefined,
  now: UnixTime,
): { readonly noStart: NoStart; readonly suppressed: ReadonlySet<JobGroup> } {
  const kept: [string, Stalled][] = [];
  const suppressed = new Set<JobGroup>();
  for (const { group, key, matching, running } of shapes) {
    const last = before[key];
    const cycleAt = Math.max(negotiatedAt ?? 0, last?.cycleAt ?? 0);
    const since = matching > 0 ? Math.min(now, last?.since ?? now) : now;
    const seen = { cycleAt, since, waiting: group.count, running };
    const { cycles, times, until } = last ?? { cycles: 0, times: 0, until: undefined };
    if (last !== undefined && (running > last.running || group.count < last.waiting)) continue;
    if (until !== undefined && now < until) {
      suppressed.add(group);
      kept.push([key, { ...seen, since: until, cycles, times, until }]);
      continue;
    }
    const passedOver = matching > 0 && last !== undefined && cycleAt > last.cycleAt;
    if (passedOver && cycles + 1 >= CYCLES && now - since >= LEAST_SECONDS) {
      const seconds = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** times);
      suppressed.add(group);
      const later = now + seconds;
      kept.push([key, { ...seen, since: later, cycles: 0, times: times + 1, until: later }]);
    } else if (matching > 0 || times > 0) {
      const counted = matching === 0 ? 0 : cycles + (passedOver ? 1 : 0);
      kept.push([key, { ...seen, cycles: counted, times, until: undefined }]);
    }
  }
  return { noStart: Object.fromEntries(kept.slice(0, REMEMBERED)), suppressed };
}

/** As it was kept; whatever is of another form is forgotten. */
export function readNoStart(found: unknown): NoStart {
  if (typeof found !== "object" || found === null) return {};
  return Object.fromEntries(
    Object.entries(found).flatMap(([key, value]: [string, unknown]) => {
      const one = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
      const number = (name: string): number => (typeof one[name] === "number" ? one[name] : Number.NaN);
      const [cycleAt, since, cycles] = [number("cycleAt"), number("since"), number("cycles")];
      const times = number("times");
      const [waiting, running] = [number("waiting"), number("running")];
      if (![cycleAt, since, cycles, times, waiting, running].every(Number.isFinite)) return [];
      const until = Number.isFinite(number("until")) ? number("until") : undefined;
      return [[key, { cycleAt, since, cycles, times, waiting, running, until }] as const];
    }),
  );
}
