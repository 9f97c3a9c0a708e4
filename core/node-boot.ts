import { messageOf, UpdraftError } from "./errors.ts";
import type { UnixTime } from "./time.ts";

/** Time for a whole boot, all tries of all steps together. */
export const BOOT_SECONDS = 300;
const FIRST_PAUSE_SECONDS = 0.25;
const LONGEST_PAUSE_SECONDS = 15;

export type BootClock = {
  /** Unix seconds with fractions. */
  now(): UnixTime;
  sleep(seconds: number): Promise<void>;
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
    this.remedy =
      cause instanceof UpdraftError ? cause.remedy : "This is a bug in Updraft: report it with this text.";
  }
}

export type Boot = {
  /**
   * Runs a step until it succeeds, its failure is final (any kind but `failed`), or the time is over. Steps may run at
   * the same time; when one fails for good, the others are tried no more.
   */
  step<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** From now on the boot has at most so much time left. */
  within(seconds: number): void;
  /** When each step ended. */
  readonly times: Record<string, UnixTime>;
  readonly startedAt: UnixTime;
};

export function boot(clock: BootClock, log: (line: string) => void, seconds = BOOT_SECONDS): Boot {
  const startedAt = clock.now();
  const times: Record<string, UnixTime> = { Started: startedAt };
  let deadline = startedAt + seconds;
  return {
    times,
    startedAt,
    within(left) {
      deadline = Math.min(deadline, clock.now() + left);
    },
    async step(name, work) {
      for (let attempt = 1, pause = FIRST_PAUSE_SECONDS; ; attempt++) {
        try {
          const result = await work();
          times[name] = clock.now();
          return result;
        } catch (error) {
          const left = deadline - clock.now();
          if ((error instanceof UpdraftError && error.kind !== "failed") || left <= pause) {
            deadline = Number.NEGATIVE_INFINITY;
            throw new BootFailure(name, attempt, error);
          }
          log(`${name}, attempt ${attempt}: ${messageOf(error)}`);
          await clock.sleep(pause * (0.5 + clock.random() / 2));
          pause = Math.min(LONGEST_PAUSE_SECONDS, pause * 2);
        }
      }
    },
  };
}
