import { UpdraftError } from "./errors.ts";
import type { Held } from "./veto.ts";

/** A sensor could not be read or believed, so that nothing may be done. */
export class Unmeasured extends Error {
  readonly held: Held;
  constructor(held: Held) {
    super(held.reason);
    this.held = held;
  }
}

/** A sensor that fails is never read as zero. */
export async function sense<T>(limitedBy: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof UpdraftError) throw new Unmeasured({ limitedBy, reason: error.message });
    throw error;
  }
}
