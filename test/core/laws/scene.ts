import type { Limits, MachineSeen, Observation, Running, Waiting } from "../../../core/laws/law.ts";

/** Observations for tests of laws: machines of so many CPUs and jobs of one CPU, unless told otherwise. */
export const NOW = 100_000;

export const limits = (changes: Partial<Limits> = {}, cpus = 1): Limits => ({
  offers: [{ machine: size(cpus), price: 1, room: 1000 }],
  maxInstances: 1000,
  maxOrder: 1000,
  leaseSeconds: 86_400,
  tickSeconds: 60,
  waitValue: 1,
  warmInstances: 0,
  spares: true,
  ...changes,
});

export function size(cpus: number) {
  return { cpus, memory: cpus * 4096, disk: Number.POSITIVE_INFINITY, gpus: 0 };
}

export const request = (cpus = 1) => ({ cpus, memory: 1024 * cpus, disk: 0, gpus: 0 });

export const waiting = (count: number, changes: Partial<Waiting> = {}): Waiting => ({
  ...request(),
  count,
  oldest: NOW - 60,
  group: "alice",
  ...changes,
});

let ids = 0;
type Changes = Partial<Omit<MachineSeen, "jobs">> & {
  readonly cpus?: number;
  readonly jobs?: readonly number[];
  readonly group?: string;
};

/** `jobs` are the ages in seconds of its jobs. */
export function machine({ cpus = 1, jobs = [], group = "alice", ...changes }: Changes = {}): MachineSeen {
  const running: Running[] = jobs.map((age) => ({ started: NOW - age, request: request(), group }));
  const whole = size(cpus);
  return {
    id: ids++,
    offer: 0,
    ordered: NOW - 4000,
    joined: NOW - 3760,
    leaseEnd: NOW + 80_000,
    free: { ...whole, cpus: cpus - jobs.length, memory: whole.memory - 1024 * jobs.length },
    jobs: running,
    idleSince: jobs.length === 0 ? NOW - 300 : undefined,
    released: false,
    ...changes,
  };
}

export const inFlight = (changes: Changes = {}): MachineSeen =>
  machine({ ordered: NOW - 120, joined: undefined, idleSince: undefined, ...changes });

export const seen = (changes: Partial<Observation> = {}): Observation => ({
  now: NOW,
  waiting: [],
  machines: [],
  arrived: [],
  completed: [],
  ...changes,
});
