import { at } from "../at.ts";
/** When each level of demand was last needed, and how long levels were not needed before they were again. */
export type Gaps = {
  /** Unix seconds by level, in instances: the first says when at least one was needed. */
  readonly lastNeeded: readonly number[];
  /** Gaps by length, in the bins of {@link GAP_MINUTES}. */
  readonly counts: readonly number[];
};

/** Lower ends of the bins. */
export const GAP_MINUTES: readonly number[] = [
  1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1440,
];

export const NO_GAPS: Gaps = { lastNeeded: [], counts: GAP_MINUTES.map(() => 0) };

/** Older gaps fade by halves. */
const GAPS_REMEMBERED = 2000;
/** A bin's gaps are taken to be so much longer than its lower end. */
const MIDDLE = 1.15;

export function learnGaps(known: Gaps, needed: number, now: number, lookSeconds: number): Gaps {
  const lastNeeded = known.lastNeeded.slice();
  let counts = known.counts.slice();
  for (let level = 0; level < needed; level++) {
    const last = lastNeeded[level];
    if (last !== undefined && now - last >= lookSeconds + 60) count(counts, (now - last - lookSeconds) / 60);
    lastNeeded[level] = now;
  }
  if (counts.reduce((sum, n) => sum + n, 0) > GAPS_REMEMBERED) counts = counts.map((n) => n / 2);
  return { lastNeeded, counts };
}

function count(counts: number[], minutes: number): void {
  let bin = GAP_MINUTES.length - 1;
  while (bin > 0 && at(GAP_MINUTES, bin) > minutes) bin--;
  counts[bin] = at(counts, bin) + 1;
}

/**
 * Minutes for which to keep what is not needed, that would have cost least in the gaps so far: a gap costs its length
 * when it is bridged, else the time kept and `missing` (minutes) for booting again. It is the ski-rental problem with
 * the past's distribution.
 */
export function keepMinutes({ lastNeeded, counts }: Gaps, now: number, missing: number): number {
  const gaps = counts.slice();
  for (const last of lastNeeded) if (now - last >= 60) count(gaps, (now - last) / 60);
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const keep of [0, ...GAP_MINUTES.slice(1)]) {
    let cost = 0;
    GAP_MINUTES.forEach((from, bin) => {
      const gap = from * MIDDLE;
      cost += at(gaps, bin) * (gap <= keep ? gap : keep + missing);
    });
    if (cost < least - 1e-9) {
      least = cost;
      best = keep;
    }
  }
  return best;
}

/** The most instances that were needed at one time within the last minutes. */
export function peak({ lastNeeded }: Gaps, now: number, minutes: number): number {
  for (let level = lastNeeded.length; level > 0; level--) {
    if (now - (lastNeeded[level - 1] ?? 0) <= minutes * 60) return level;
  }
  return 0;
}
