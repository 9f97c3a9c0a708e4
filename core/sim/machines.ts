import type { MachineSeen } from "../laws/law.ts";
import type { Resources } from "../packing.ts";

/** A job on a machine. Its claim may outlive it. */
export type Work = {
  job: number;
  cluster: number;
  group: number;
  request: Resources;
  started: number;
  claimed: number;
  /** Event that ends it; another start makes it stale. */
  version: number;
};

/** An instance from launch to end; a law sees it as it is. */
export type SimMachine = {
  -readonly [Key in keyof MachineSeen]: Key extends "jobs"
    ? Work[]
    : Key extends "free"
      ? { cpus: number; memory: number; disk: number; gpus: number }
      : MachineSeen[Key];
} & {
  ended: boolean;
  /** Grows with each idle spell, so that an old idle timer does nothing. */
  spell: number;
  doomed: boolean;
};

export function launch(
  id: number,
  offer: number,
  size: Resources,
  now: number,
  leaseSeconds: number,
): SimMachine {
  return {
    id,
    offer,
    ordered: now,
    joined: undefined,
    leaseEnd: now + leaseSeconds,
    free: { cpus: size.cpus, memory: size.memory, disk: size.disk, gpus: size.gpus },
    jobs: [],
    idleSince: undefined,
    released: false,
    ended: false,
    spell: 0,
    doomed: false,
  };
}

export function holds(free: Resources, request: Resources): boolean {
  return (
    request.cpus <= free.cpus &&
    request.memory <= free.memory &&
    request.disk <= free.disk &&
    request.gpus <= free.gpus
  );
}

export function occupy(machine: SimMachine, request: Resources): void {
  machine.free.cpus -= request.cpus;
  machine.free.memory -= request.memory;
  machine.free.disk -= request.disk;
  machine.free.gpus -= request.gpus;
}

export function vacate(machine: SimMachine, request: Resources): void {
  machine.free.cpus += request.cpus;
  machine.free.memory += request.memory;
  machine.free.disk += request.disk;
  machine.free.gpus += request.gpus;
}

/** Whether a job may start there: joined, staying, and lease enough. */
export function accepts(machine: SimMachine, now: number, refuseSeconds: number): boolean {
  return (
    machine.joined !== undefined &&
    !machine.ended &&
    !machine.released &&
    !machine.doomed &&
    machine.leaseEnd - now > refuseSeconds
  );
}
