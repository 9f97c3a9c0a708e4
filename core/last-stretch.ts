/** Time until the node's end at which each thing begins, in seconds. */
export type LastStretch = {
  /** START refuses jobs that would not finish. */
  readonly refuse: number;
  /** No job starts any more, and what runs may finish. */
  readonly drain: number;
  /** What still runs is told to end; it has `vacate` seconds to save its work. */
  readonly evict: number;
  readonly vacate: number;
  /** HTCondor is stopped, which hands back whatever has not ended. */
  readonly stop: number;
};

export const DEFAULT_DRAIN_SECONDS = 600;
const LONGEST_VACATE_SECONDS = 60;
const SHORTEST_VACATE_SECONDS = 5;
/** Stopping HTCondor takes about a second. */
const STOP_SECONDS = 4;
/** From an order to the first job; what takes longer is late. */
const BOOT_SECONDS = 600;

/** Divides the annex's drain seconds; a node that lives shortly spends half of its life at most on ending. */
export function lastStretch(drainSeconds: number, lifeSeconds: number): LastStretch {
  const refuse = Math.floor(Math.min(drainSeconds, Math.max(0, lifeSeconds) / 2));
  const vacate = Math.min(LONGEST_VACATE_SECONDS, Math.max(SHORTEST_VACATE_SECONDS, Math.floor(refuse / 4)));
  const evict = STOP_SECONDS + 2 + vacate;
  return { refuse, drain: Math.max(Math.ceil(refuse / 2), evict + 4), evict, vacate, stop: STOP_SECONDS };
}

/** How long a job can run on an instance that is ordered now, until it is told to end. */
export function longestRun(drainSeconds: number, leaseSeconds: number): number {
  const { evict } = lastStretch(drainSeconds, leaseSeconds);
  return Math.floor(Math.max(leaseSeconds / 2, leaseSeconds - BOOT_SECONDS)) - evict;
}
