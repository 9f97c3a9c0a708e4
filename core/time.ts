/** Seconds since 1970, as in ClassAds. */
export type UnixTime = number;

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86400 } as const;

/** Seconds of a duration such as `90`, `45s`, `20m`, `8h`, `1h30m` or `7d`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim().toLowerCase();
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed);
  if (!/^(\d{1,6}[smhd])+$/.test(trimmed)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of trimmed.matchAll(/(\d+)([smhd])/g)) {
    seconds += Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
  }
  return seconds;
}

/** The shortest exact spelling that {@link parseDuration} reads back: `8h`, `1h30m`, `45s`. */
export function formatDuration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  let text = "";
  for (const [unit, size] of [
    ["d", 86400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ] as const) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === "" ? "0s" : text;
}

/** `2030-01-31T18:00:00Z` */
export function formatTime(time: UnixTime): string {
  return new Date(time * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}
