import type { UnixTime } from "./time.ts";

/**
 * The true time at one reading of the machine's uptime. The wall clock of a node may be wrong and may be set at any
 * moment; its uptime only ever counts on.
 */
export type Anchor = { readonly at: UnixTime; readonly uptime: number };

/** An answer that took longer says too little about when its date was written. */
const SLOWEST_ANSWER_SECONDS = 2;

/** From the Date of an HTTP answer, which counts whole seconds, and the uptime before and after it; undefined when it is of no use. */
export function anchorOf(date: string | undefined, sent: number, received: number): Anchor | undefined {
  const milliseconds = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(milliseconds) || received < sent || received - sent > SLOWEST_ANSWER_SECONDS) {
    return undefined;
  }
  return { at: milliseconds / 1000 + 0.5, uptime: (sent + received) / 2 };
}

/** Two clocks that differ by less are taken to agree. */
export const CLOCKS_AGREE_SECONDS = 3;

/** The wall clock's time, which is the finer one, unless the anchor says that it is wrong. */
export function bestTime(wall: UnixTime, anchor: Anchor | undefined, uptime: number): UnixTime {
  if (anchor === undefined) return wall;
  const truth = timeAt(anchor, uptime);
  return Math.abs(wall - truth) < CLOCKS_AGREE_SECONDS ? wall : truth;
}

export function timeAt(anchor: Anchor, uptime: number): UnixTime {
  return anchor.at + (uptime - anchor.uptime);
}
