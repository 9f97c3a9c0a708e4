import { normalShare } from "../normal-share.ts";
import { BASE_PLANT, cpuOffer, type Plant } from "./plant.ts";
import { exponential, geometric, lognormal, poissonTimes, random, type Random } from "./random.ts";
import { workload, type Workload } from "./workload.ts";

/** Jobs that come together now and then: a Poisson process of batches of geometric size. */
export type Bursts = { readonly perHour: number; readonly meanSize: number };

/** How long jobs run, hours: a draw, and the share that runs longer than a time. */
export type RunTime = {
  draw(next: Random): number;
  survival(hours: number): number;
  readonly mean: number;
};

/** A synthetic workload of one-CPU jobs; hours. */
export type Family = {
  readonly name: string;
  readonly about: string;
  /** Single jobs per hour by time. */
  rate(hour: number): number;
  readonly mostRate: number;
  readonly bursts: Bursts | undefined;
  /** So many jobs at one time. */
  readonly bag: { readonly at: number; readonly jobs: number } | undefined;
  readonly runTime: RunTime;
  /** One-CPU jobs that a machine holds. */
  readonly slots: number;
  readonly leaseHours: number;
};

/** Jobs are submitted for so long. */
export const FAMILY_HOURS = 72;

const exponentialTime = (mean: number): RunTime => ({
  draw: (next) => exponential(next, mean),
  survival: (hours) => Math.exp(-hours / mean),
  mean,
});

const lognormalTime = (mean: number, sigma: number): RunTime => {
  const median = mean * Math.exp((-sigma * sigma) / 2);
  return {
    draw: (next) => lognormal(next, median, sigma),
    survival: (hours) => (hours <= 0 ? 1 : 1 - normalShare(Math.log(hours / median) / sigma)),
    mean,
  };
};

const twoTimes = (short: number, long: number, longShare: number): RunTime => ({
  draw: (next) => exponential(next, next() < longShare ? long : short),
  survival: (hours) => longShare * Math.exp(-hours / long) + (1 - longShare) * Math.exp(-hours / short),
  mean: short + (long - short) * longShare,
});

const steady = (rate: number): Pick<Family, "rate" | "mostRate" | "bursts" | "bag"> => ({
  rate: () => rate,
  mostRate: rate,
  bursts: undefined,
  bag: undefined,
});

/** By day more than by night, and a batch now and then; the scale multiplies rate and size of batches. */
const diurnal = (scale: number): Pick<Family, "rate" | "mostRate" | "bursts" | "bag"> => ({
  rate: (hour) => scale * 57 * (1 - 0.9 * Math.cos((2 * Math.PI * hour) / 24)),
  mostRate: scale * 57 * 1.9,
  bursts: { perHour: 0.5, meanSize: scale * 36 },
  bag: undefined,
});

/** The scenarios A to G. Rates, lengths, slots and leases are the reference's; what it does not say is filled in (docs/simulator.md). */
export const FAMILIES: readonly Family[] = [
  {
    name: "A",
    about: "steady 100/h, 1 h, 1 slot",
    ...steady(100),
    runTime: exponentialTime(1),
    slots: 1,
    leaseHours: 24,
  },
  {
    name: "B",
    about: "by day and in batches, 30 min, 1 slot",
    ...diurnal(1),
    runTime: lognormalTime(0.5, 1),
    slots: 1,
    leaseHours: 24,
  },
  {
    name: "C",
    about: "200/h, 3 min or 2 h, 1 slot",
    ...steady(200),
    runTime: twoTimes(0.05, 2, 0.1),
    slots: 1,
    leaseHours: 24,
  },
  {
    name: "D",
    about: "as B, twice as much, 8 slots",
    ...diurnal(2),
    runTime: lognormalTime(0.5, 1),
    slots: 8,
    leaseHours: 24,
  },
  {
    name: "E",
    about: "2/h, 10 min, 1 slot",
    ...steady(2),
    runTime: lognormalTime(1 / 6, 1),
    slots: 1,
    leaseHours: 24,
  },
  {
    name: "F",
    about: "a bag of 1000 and 5/h, 30 min, 4 slots",
    ...steady(5),
    bag: { at: 24, jobs: 1000 },
    runTime: exponentialTime(0.5),
    slots: 4,
    leaseHours: 24,
  },
  {
    name: "G",
    about: "as A, leases of 8 h",
    ...steady(100),
    runTime: exponentialTime(1),
    slots: 1,
    leaseHours: 8,
  },
];

export function familyWorkload(family: Family, seed: number): Workload {
  const next = random(seed, 0xa11, family.name.codePointAt(0) ?? 0);
  const submissions = poissonTimes(next, FAMILY_HOURS, family.mostRate, (hour) => family.rate(hour));
  const { bursts, bag } = family;
  if (bursts !== undefined) {
    for (const at of poissonTimes(next, FAMILY_HOURS, bursts.perHour, () => bursts.perHour)) {
      for (let i = geometric(next, bursts.meanSize); i > 0; i--) submissions.push(at);
    }
  }
  if (bag !== undefined) for (let i = 0; i < bag.jobs; i++) submissions.push(bag.at);
  const request = { cpus: 1, memory: 1024, disk: 0, gpus: 0 };
  return workload(
    submissions
      .sort((a, b) => a - b)
      .map((hour) => ({
        submitted: hour * 3600,
        runSeconds: Math.max(1, family.runTime.draw(next) * 3600),
        request,
        owner: "user",
      })),
    0,
  );
}

export function familyPlant(family: Family): Plant {
  return { ...BASE_PLANT, offers: [cpuOffer(family.slots)], leaseSeconds: family.leaseHours * 3600 };
}
