import type { Survival } from "./run-times.ts";

const ENOUGH_ENDS = 20;
const CHOICES = 24;
const STEPS = 40;

/**
 * Hours of lease that must be left for a job to start: the one with the least loss per hour of an instance's life.
 * Lost are the boot, what is evicted at the lease's end, and slots that stand empty while the last jobs of their
 * instance run out. 0 while too little is known of run times. Source: the start gate of the reference's law FB.
 */
export function leaseGate(runTimes: Survival, leaseHours: number, slots: number, bootHours: number): number {
  if (runTimes.ends < ENOUGH_ENDS) return 0;
  let gate = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < CHOICES; i++) {
    const choice = (leaseHours * 0.9 * i) / CHOICES;
    const loss = lossRate(runTimes, leaseHours, slots, bootHours, choice);
    if (loss < least - 1e-9) {
      least = loss;
      gate = choice;
    }
  }
  return gate;
}

function lossRate(s: Survival, lease: number, slots: number, boot: number, gate: number): number {
  const evicted = integrate(gate, lease, (age) => age * s.at(age)) / s.mean;
  // A job that is met at work has this much still to run.
  const residual = (time: number): number => Math.max(0, 1 - s.integral(time) / s.mean);
  const one = integrate(0, gate, residual);
  const all = integrate(0, gate, (time) => 1 - (1 - residual(time)) ** slots);
  return (boot + evicted + (all - one)) / (lease - gate + one);
}

function integrate(from: number, to: number, f: (x: number) => number): number {
  const step = (to - from) / STEPS;
  let sum = 0;
  for (let i = 0; i < STEPS; i++) sum += f(from + (i + 0.5) * step) * step;
  return sum;
}
