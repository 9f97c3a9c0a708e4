import type { MachineSeen } from "./law.ts";

/** The latest measured times from order to joining, seconds. */
export type BootDelays = readonly number[];

const REMEMBERED = 40;
const PRIOR_SECONDS = 240;
const PRIOR_COUNT = 4;
const LEAST_LATE_SECONDS = 540;

export function learnBootDelays(
  known: BootDelays,
  machines: readonly MachineSeen[],
  now: number,
  lookSeconds: number,
): BootDelays {
  const news: number[] = [];
  for (const { joined, ordered } of machines) {
    if (joined !== undefined && joined > now - lookSeconds) news.push(joined - ordered);
  }
  return news.length === 0 ? known : [...known, ...news].slice(-REMEMBERED);
}

/** Hours: the mean, drawn to four minutes, and the time after which an instance on its way is given up as late. */
export function bootDelay(delays: BootDelays): { readonly mean: number; readonly late: number } {
  const sum = delays.reduce((total, delay) => total + delay, PRIOR_COUNT * PRIOR_SECONDS);
  const longest = delays.reduce((most, delay) => Math.max(most, delay), 0);
  return {
    mean: sum / (delays.length + PRIOR_COUNT) / 3600,
    late: Math.max(LEAST_LATE_SECONDS, 1.5 * longest) / 3600,
  };
}
