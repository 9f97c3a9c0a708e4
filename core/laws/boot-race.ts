import { at } from "../at.ts";
import { normalShare } from "../normal-share.ts";
import type { BootDelays } from "./boot-delay.ts";

/** Never more than so many times what is needed: the shortest of a few measured boots say little about many. */
const MOST_TIMES = 2;

/**
 * How many instances to order beyond `needed`, because boots differ: jobs start on those that join first, and the last
 * ones are let go when they come. One more pays while what it saves of the wait, at `worth` machine-hours for each hour
 * that an instance comes sooner, is more than the `cost` (machine-hours) of an instance that comes too late.
 */
export function racers(delays: BootDelays, needed: number, worth: number, cost: number): number {
  const sorted = [...delays].sort((a, b) => a - b);
  let few = 0;
  let many = Math.floor((MOST_TIMES - 1) * needed);
  // The more are on their way the less another one saves.
  while (few < many) {
    const middle = (few + many) >> 1;
    if (worth * savedHours(sorted, needed, needed + middle) > cost) few = middle + 1;
    else many = middle;
  }
  return few;
}

/**
 * By how much one more than `ordered` brings the first `needed` of them sooner, together: the mean of what it comes before
 * the last of those, as often as not later. Boots are taken to be as independent as the measured ones.
 */
export function savedHours(sorted: BootDelays, needed: number, ordered: number): number {
  let saved = 0;
  for (let i = 1; i < sorted.length; i++) {
    const joined = i / sorted.length;
    // That fewer than needed have joined by then, as a normal variable has it.
    const spread = Math.sqrt(ordered * joined * (1 - joined));
    const lacking = normalShare((needed - 0.5 - ordered * joined) / spread);
    saved += (at(sorted, i) - at(sorted, i - 1)) * joined * lacking;
  }
  return saved / 3600;
}
