import type { Delay } from "./ports.ts";

/** Uniform numbers in [0, 1) from a seed (mulberry32), so that a run can be repeated. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Seconds. */
export function draw(delay: Delay, random: () => number): number {
  if (delay.kind === "constant") return delay.seconds;
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return delay.medianSeconds * Math.exp(delay.sigma * normal);
}
