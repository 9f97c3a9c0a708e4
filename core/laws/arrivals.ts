import { at } from "../at.ts";
/** Jobs that came by minute, newest last. */
export type Arrivals = { readonly perLook: readonly number[] };

export const NO_ARRIVALS: Arrivals = { perLook: [] };

const MOST_HOURS = 12;
const ENOUGH_JOBS = 40;
const LEAST_MINUTES = 15;

const CROWD_SECONDS = 3600;
const CROWD_JOBS = 20;

/** Jobs per hour over the last hour as they came, batches and all; 0 when they were few. */
export function crowdRate({ perLook }: Arrivals, lookSeconds: number): number {
  const last = perLook.slice(-Math.ceil(CROWD_SECONDS / lookSeconds));
  const jobs = last.reduce((sum, count) => sum + count, 0);
  const seconds = Math.max(300, last.length * lookSeconds);
  return jobs < CROWD_JOBS ? 0 : (jobs * 3600) / seconds;
}

export function learnArrivals(known: Arrivals, arrived: number, lookSeconds: number): Arrivals {
  const most = Math.ceil((MOST_HOURS * 3600) / lookSeconds);
  const kept = known.perLook.length >= 1.25 * most ? known.perLook.slice(-most) : known.perLook;
  return { perLook: [...kept, arrived] };
}

/** Jobs per hour over the newest looks until there are enough; a look with a batch counts as a busy one. */
export function arrivalRate({ perLook }: Arrivals, lookSeconds: number): number {
  const lastHour = Float64Array.from(perLook.slice(-Math.ceil(3600 / lookSeconds))).sort();
  const median = at(lastHour, Math.floor(lastHour.length / 2));
  const most = median + 3 * Math.sqrt(median) + 1;
  const least = (LEAST_MINUTES * 60) / lookSeconds;
  const looks = (MOST_HOURS * 3600) / lookSeconds;
  let jobs = 0;
  let seen = 0;
  for (let i = perLook.length - 1; i >= 0 && seen < looks; i--) {
    jobs += Math.min(at(perLook, i), most);
    seen++;
    if (jobs >= ENOUGH_JOBS && seen >= least) break;
  }
  return seen === 0 ? 0 : jobs / ((seen * lookSeconds) / 3600);
}
