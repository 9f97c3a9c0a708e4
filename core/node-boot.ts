import { messageOf, UpdraftError } from "./errors.ts";
import type { UnixTime } from "./time.ts";

/** Time for a whole boot, all tries of all steps together. */
export const BOOT_SECONDS = 300;
export const LONGEST_BOOT_SECONDS = 3600;
const FIRST_PAUSE_SECONDS = 0.25;
const LONGEST_PAUSE_SECONDS = 15;

export type BootClock = {
  /** Unix seconds with fractions. */
  now(): UnixTime;
  /** Seconds since any instant, which nobody sets: the wall clock may be set in the middle of a boot. */
  elapsed(): number;
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
  /** Uniform in [0, 1): nodes of one order must not all come back in the same instant. */
  random(): number;
};

/** What went wrong at a boot, as it stands in S3 and on the console. It holds no secret. */
export type BootReport = {
  readonly format: 1;
  readonly annex: string;
  readonly instanceId: string;
  readonly step: string;
  readonly reason: string;
  readonly remedy: string;
  readonly attempts: number;
  readonly startedAt: UnixTime;
  readonly failedAt: UnixTime;
  readonly steps: Readonly<Record<string, UnixTime>>;
};

/** A step that could not be done within the time of the boot, or that no other try could mend. */
export class BootFailure extends Error {
  override readonly name = "BootFailure";
  readonly step: string;
  readonly attempts: number;
  readonly remedy: string;

  constructor(step: string, attempts: number, cause: unknown) {
    super(messageOf(cause), { cause });
    this.step = step;
    this.attempts = attempts;
    this.remedy = remedyOf(cause);
  }
}

/** What the operating system refuses, by its name for it; a machine has such faults, and no program. */
const SYSTEM_FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: "Give the image a larger root volume, or the root volume less to hold: no space is left on it.",
  EROFS: "Look at the image: its root file system is read-only.",
  EIO: "Order another instance: a disk of this one does not work.",
};

function remedyOf(cause: unknown): string {
  if (cause instanceof UpdraftError) return cause.remedy;
  const code = String((cause as { code?: unknown } | undefined)?.code);
  return SYSTEM_FAULTS[code] ?? "This is a bug in Updraft: report it with this text.";
}

export type Boot = {
  /**
   * Runs a step until it succeeds, its failure is final (any kind but `failed`), or the time is over, even in its middle.
   * Steps may run at the same time; when one fails for good, the others are tried no more.
   */
  step<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** From now on the boot has at most so much time left. */
  within(seconds: number): void;
  /** Notes something that came to its end so many seconds ago. */
  note(name: string, secondsAgo: number): void;
  /** When each step ended, by the clock as it goes now. */
  times(): Readonly<Record<string, UnixTime>>;
};

export function boot(clock: BootClock, log: (line: string) => void, seconds = BOOT_SECONDS): Boot {
  const ended: Record<string, number> = { Started: clock.elapsed() };
  let deadline = clock.elapsed() + seconds;
  return {
    note(name, secondsAgo) {
      ended[name] = clock.elapsed() - secondsAgo;
    },
    times() {
      const start = clock.now() - clock.elapsed();
      return Object.fromEntries(Object.entries(ended).map(([name, at]) => [name, start + at]));
    },
    within(left) {
      deadline = Math.min(deadline, clock.elapsed() + left);
    },
    async step(name, work) {
      let lastFailure: unknown;
      for (let attempt = 1, pause = FIRST_PAUSE_SECONDS; ; attempt++) {
        try {
          const result = await inTime(clock, deadline - clock.elapsed(), work);
          ended[name] = clock.elapsed();
          return result;
        } catch (error) {
          const left = deadline - clock.elapsed();
          if ((error instanceof UpdraftError && error.kind !== "failed") || left <= pause) {
            deadline = Number.NEGATIVE_INFINITY;
            // What went wrong before says more than that there was no time for another try.
            throw new BootFailure(name, attempt, error === LATE ? (lastFailure ?? LATE) : error);
          }
          lastFailure = error;
          log(`${name}, attempt ${attempt}: ${messageOf(error)}`);
          await clock.sleep(pause * (0.5 + clock.random() / 2));
          pause = Math.min(LONGEST_PAUSE_SECONDS, pause * 2);
        }
      }
    },
  };
}

const LATE = new UpdraftError(
  "failed",
  "it took longer than there was time for the boot",
  "Look what it waited for: the network, a disk, or HTCondor.",
);

/** The work's result, or a failure when it takes longer; it is then left to itself, because the machine is about to end. */
async function inTime<T>(clock: BootClock, seconds: number, work: () => T | Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = async (): Promise<never> => {
    await clock.sleep(Math.max(0, seconds), done.signal);
    throw LATE;
  };
  try {
    return await Promise.race([work(), late()]);
  } finally {
    done.abort();
  }
}
