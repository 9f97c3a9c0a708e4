import { uniform } from "../../sandbox/cloud/random.ts";

/** Where a run is to be killed. */
export const AIMS = ["before the request", "before the answer", "before the record", "at random"] as const;
export type Aim = (typeof AIMS)[number];

/** Who orders: `updraft create`, or a tick of the hook. */
export type Orderer = "command" | "hook";

export type Round = {
  readonly number: number;
  readonly aim: Aim;
  readonly orderer: Orderer;
  /** Instances that a command is to order. */
  readonly count: number;
  /** Who runs next, and what it orders of its own when it is a command. */
  readonly next: Orderer;
  readonly nextCount: number;
  /** EC2 does not show for a while what the killed run has launched. */
  readonly late: boolean;
  /** The journal is lost with the run. What follows then orders twice, which proves that this would be noticed. */
  readonly forgotten: boolean;
  /** Chooses the place in the window, or the moment: at least 0, less than 1. */
  readonly chance: number;
};

const MOST = 3;
const LATE_SHARE = 0.3;

/** The commands come first, then the hook, each with all aims in turn. */
export function killPlan(size: number, seed: number): Round[] {
  const random = uniform(seed);
  const some = (most: number): number => 1 + Math.floor(most * random());
  return Array.from({ length: size }, (_, number) => ({
    number,
    aim: AIMS[number % AIMS.length] ?? "at random",
    orderer: number < size / 2 ? "command" : "hook",
    count: some(MOST),
    next: random() < 0.5 ? "command" : "hook",
    nextCount: some(MOST),
    late: random() < LATE_SHARE,
    forgotten: false,
    chance: random(),
  }));
}

/** A system call of the run's one file thread: at its nth the run dies, and the call is not made. */
export type Place = { readonly call: string; readonly nth: number; readonly what: string };

/** The journal alone syncs and renames before an order is answered. */
const PLACES: Partial<Record<Aim, readonly Place[]>> = {
  "before the request": [
    { call: "fsync", nth: 1, what: "entry written, not synced" },
    { call: "/^rename", nth: 1, what: "entry synced, not in place" },
    { call: "fsync", nth: 2, what: "entry in place, directory not synced" },
  ],
  "before the record": [
    { call: "fsync", nth: 3, what: "answer written, not synced" },
    { call: "/^rename", nth: 2, what: "answer synced, not in place" },
  ],
};

export function placeOf({ aim, chance }: Pick<Round, "aim" | "chance">): Place | undefined {
  const places = PLACES[aim] ?? [];
  return places[Math.floor(chance * places.length)];
}
