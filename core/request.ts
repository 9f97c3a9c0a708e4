import { UpdraftError } from "./errors.ts";
import { MIN_LEASE_SECONDS } from "./lease.ts";
import { formatDuration, parseDuration, type UnixTime } from "./time.ts";

const usage = (message: string, remedy: string): UpdraftError => new UpdraftError("usage", message, remedy);

/** A region by its form; whether the account may use it, AWS says. */
export function parseRegion(text: string): string {
  if (/^[a-z]{2}(-[a-z]+){1,3}-\d$/.test(text)) return text;
  throw usage(`"${text}" is not an AWS region`, "Give one such as us-east-1.");
}

/** The number of instances of an order. */
export function parseCount(text: string, maxInstances: number, knob: string): number {
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw usage(`count "${text}" is not a whole number`, "Give a number of instances, such as --count 3.");
  }
  const count = Number(text);
  if (count < 1) throw usage(`count ${text} orders nothing`, "Give a number of instances from 1.");
  if (count > maxInstances) {
    throw usage(
      `count ${text} is more than the ${maxInstances} instances that ${knob} allows`,
      `Ask for fewer, or raise ${knob}.`,
    );
  }
  return count;
}

/** The number of instances that an annex shall have: also none. */
export function parseSize(text: string, maxInstances: number, knob: string): number {
  return text === "0" ? 0 : parseCount(text, maxInstances, knob);
}

/** A time at which a lease shall end, which a duration is not. */
export function parseUntil(text: string): string {
  if (TIME.test(text.trim()) && !Number.isNaN(Date.parse(text.trim()))) return text.trim();
  throw usage(
    `"${text}" is not a time`,
    "Give one such as 2030-01-31T18:00Z, or --lease with a duration such as 8h.",
  );
}

/**
 * The lease in seconds from now: `8h`, or the time at which it ends, such as `2030-01-31T18:00Z`. `knob` is named in
 * the remedy when the text is a knob's.
 */
export function parseLease(text: string, now: UnixTime, maxLeaseSeconds: number, knob?: string): number {
  const seconds = leaseSeconds(text.trim(), now);
  if (seconds === undefined) {
    throw usage(
      `lease "${text}" is neither a duration nor a time`,
      "Give a duration such as 8h or 1h30m, or a time such as 2030-01-31T18:00Z.",
    );
  }
  if (seconds <= 0)
    throw usage(`lease "${text}" ends in the past`, "Give a duration such as 8h, or a time to come.");
  if (seconds < MIN_LEASE_SECONDS) {
    throw usage(
      `a lease of ${formatDuration(seconds)} is shorter than ${formatDuration(MIN_LEASE_SECONDS)}, in which no instance can work`,
      `Give at least ${formatDuration(MIN_LEASE_SECONDS)}.`,
    );
  }
  if (seconds > maxLeaseSeconds) {
    throw new UpdraftError(
      knob === undefined ? "usage" : "config",
      `a lease of ${formatDuration(seconds)} is longer than the ${formatDuration(maxLeaseSeconds)} that this account's set-up allows`,
      `${knob === undefined ? "Give" : `Set ${knob} to`} at most ${formatDuration(maxLeaseSeconds)}, or run updraft setup --region with a longer --max-lease.`,
    );
  }
  return seconds;
}

/** A time with its zone, such as `2030-01-31T18:00Z`. */
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)$/i;

function leaseSeconds(text: string, now: UnixTime): number | undefined {
  if (text.startsWith("-")) {
    const magnitude = parseDuration(text.slice(1));
    return magnitude === undefined ? undefined : -magnitude;
  }
  if (TIME.test(text)) {
    const time = Date.parse(text);
    return Number.isNaN(time) ? undefined : Math.floor(time / 1000 - now);
  }
  return parseDuration(text);
}

/** Seconds without a job after which a node ends itself. */
export function parseIdle(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined || seconds < 1) {
    throw usage(`idle time "${text}" is not a duration`, "Give a duration such as 20m.");
  }
  return seconds;
}

/** A project as the tag `htcondor:Project` can hold it. */
export function parseProject(text: string): string {
  if (/^[A-Za-z0-9+\-=._:@]{1,128}$/.test(text)) return text;
  throw usage(
    `project "${text}" cannot be a tag that instances show`,
    "Give up to 128 letters, digits and +-=._:@, without blanks and slashes, such as --project cms-2026.",
  );
}

/** A time in the past: so long ago (`7d`), a day in UTC (`2030-01-31`), or a time such as `2030-01-31T18:00Z`. */
export function parseSince(text: string, now: UnixTime): UnixTime {
  const trimmed = text.trim();
  const ago = parseDuration(trimmed);
  if (ago !== undefined) return now - ago;
  const time =
    TIME.test(trimmed) || /^\d{4}-\d\d-\d\d$/.test(trimmed) ? Date.parse(trimmed) / 1000 : Number.NaN;
  if (time <= now) return time;
  throw usage(
    Number.isNaN(time)
      ? `since "${text}" is neither a duration nor a time`
      : `since "${text}" is a time to come`,
    "Give how long ago, such as 7d, a day such as 2030-01-31, or a time such as 2030-01-31T18:00Z.",
  );
}
