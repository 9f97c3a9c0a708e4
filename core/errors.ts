/** How a program ends, and how it says so: the kind is the exit status. */
export const EXIT_STATUS = { failed: 1, usage: 2, config: 3, denied: 4, capacity: 5 } as const;

export type ErrorKind = keyof typeof EXIT_STATUS;

/** A failure that we foresaw. `message` says what and why, `remedy` what to do next; anything else thrown is a bug. */
export class UpdraftError extends Error {
  override readonly name = "UpdraftError";
  readonly kind: ErrorKind;
  readonly remedy: string;

  constructor(kind: ErrorKind, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.remedy = remedy;
  }

  get exitStatus(): number {
    return EXIT_STATUS[this.kind];
  }
}

/** The text of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").trim();
}
