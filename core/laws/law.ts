import type { Resources, Shape } from "../packing.ts";
import type { UnixTime } from "../time.ts";

/** A kind of instance that may be ordered. */
export type Offer = {
  readonly machine: Resources;
  /** Price of an hour, in any one currency. Only ratios matter to a law. */
  readonly price: number;
  /** Instances that may still be ordered of it, by quota or memory of shortage. */
  readonly room: number;
};

/** Jobs that are probably alike, as a rule those of one user. */
export type Group = string | number;

/** A job at work. */
export type Running = { readonly started: UnixTime; readonly request: Resources; readonly group: Group };

/** An instance that was ordered and has not ended. */
export type MachineSeen = {
  readonly id: number;
  /** Index of its offer. */
  readonly offer: number;
  readonly ordered: UnixTime;
  /** When it joined the pool; undefined while it is in flight. */
  readonly joined: UnixTime | undefined;
  readonly leaseEnd: UnixTime;
  /** What it has for further jobs. */
  readonly free: Resources;
  readonly jobs: readonly Running[];
  /** Since when it has had no job; undefined while it has one or is in flight. */
  readonly idleSince: UnixTime | undefined;
  /** It takes no further job and ends when it is empty. */
  readonly released: boolean;
};

/** Waiting jobs of one group that ask for the same. */
export type Waiting = Shape & { readonly oldest: UnixTime; readonly group: Group };

export type Completed = { readonly group: Group; readonly seconds: number };

export type Observation = {
  readonly now: UnixTime;
  readonly waiting: readonly Waiting[];
  readonly machines: readonly MachineSeen[];
  /** Jobs submitted since the last look. */
  readonly arrived: readonly Shape[];
  /** Jobs that completed since the last look, and how long they ran. */
  readonly completed: readonly Completed[];
};

export type Limits = {
  readonly offers: readonly Offer[];
  readonly maxInstances: number;
  /** Most that one order may have. */
  readonly maxOrder: number;
  readonly leaseSeconds: number;
  /** From one look to the next. */
  readonly tickSeconds: number;
  /** Machine-hours that one job-hour of waiting is worth. */
  readonly waitValue: number;
  /** Least instances at all times. */
  readonly warmInstances: number;
  /** Orders beyond what the waiting jobs need are allowed. */
  readonly spares: boolean;
  /** Nodes themselves let no job start with less lease left; undefined where the law says when. */
  readonly refuseSeconds?: number;
};

export type Order = { readonly offer: number; readonly count: number };

/** What a law wants. Releasing a busy instance drains it: it takes no further job and ends when it is empty. */
export type Wish<Memory> = {
  readonly order: readonly Order[];
  readonly release: readonly number[];
  /** Released before, and to be kept after all. */
  readonly withdraw?: readonly number[];
  /** No job starts on an instance whose lease has less left. */
  readonly refuseSeconds?: number;
  readonly reason: string;
  readonly memory: Memory;
};

/**
 * How many instances to order and which to let go. Pure and deterministic; `memory` is plain data, so that a hook can
 * keep it in a file, and losing it costs history only.
 */
export type Law<Memory> = {
  readonly name: string;
  /** Where the rule is published. */
  readonly source: string;
  /** What was left out or filled in, for a law that is not ours. */
  readonly simplified: string;
  readonly initial: Memory;
  /** How long an instance may be idle before it ends itself; undefined leaves scale-in to the law alone. */
  readonly idleSeconds?: number;
  decide(observation: Observation, memory: Memory, limits: Limits): Wish<Memory>;
};

/** For places that hold laws of different memories: the memory is handed back as it came. */
// oxlint-disable-next-line typescript/no-explicit-any -- a law's memory is its own affair
export type AnyLaw = Law<any>;
