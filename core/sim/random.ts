/** Uniform numbers in [0, 1). The same seed gives the same numbers on every machine. */
export type Random = () => number;

/** A generator of its own for each purpose and index, so that two laws meet the same boots, arrivals and reclaims. */
export function random(...seeds: readonly number[]): Random {
  let state = seeds.reduce((hash, seed) => mix(hash ^ (seed | 0)), 0x9e3779b9);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return mix32(state) / 4294967296;
  };
}

/** Mulberry32's output function. */
function mix32(state: number): number {
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return (t ^ (t >>> 14)) >>> 0;
}

function mix(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) + 0x9e3779b9;
}

export function exponential(next: Random, mean: number): number {
  return -mean * Math.log(1 - next());
}

/** Box and Muller's. */
export function normal(next: Random): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

export function lognormal(next: Random, median: number, sigma: number): number {
  return median * Math.exp(sigma * normal(next));
}

/** A whole number from 1 with this mean. */
export function geometric(next: Random, mean: number): number {
  return mean <= 1 ? 1 : 1 + Math.floor(Math.log(1 - next()) / Math.log(1 - 1 / mean));
}

/** Times of a Poisson process of varying rate, by thinning. Rates and times in the same unit. */
export function poissonTimes(
  next: Random,
  until: number,
  most: number,
  rate: (time: number) => number,
): number[] {
  const times: number[] = [];
  for (let t = exponential(next, 1 / most); t < until; t += exponential(next, 1 / most)) {
    if (next() * most < rate(t)) times.push(t);
  }
  return times;
}
