import type { AttributeValue } from "./classad.ts";
import type { UnixTime } from "./time.ts";
import { finite, record, text } from "./untrusted.ts";

/** What is kept of each run, by the names under which the hook publishes it. */
const COUNTS = [
  "JobsIdle",
  "SlotsIdle",
  "SlotsBusy",
  "InFlight",
  "Joined",
  "Late",
  "Instances",
  "Recommended",
  "Ordered",
  "Released",
  "Liability",
  "TickSeconds",
] as const;
type Count = (typeof COUNTS)[number];

/** One run of the hook, as far as one annex is concerned. */
export type TickRecord = {
  readonly at: UnixTime;
  readonly annex: string;
  /** Undefined for what nobody knew. */
  readonly counts: Readonly<Partial<Record<Count, number>>>;
  readonly breaker: string | undefined;
  readonly limitedBy: string;
  readonly reason: string;
  /** What failed; undefined when nothing did. Counts are then those of the last good run. */
  readonly error: string | undefined;
};

/** The runs of the hook, oldest first. Losing them costs history only. */
export type TickHistory = {
  read(): Promise<readonly TickRecord[]>;
  append(records: readonly TickRecord[]): Promise<void>;
};

export function tickRecord(
  at: UnixTime,
  annex: string,
  attributes: Readonly<Record<string, AttributeValue>>,
): TickRecord {
  const counts = COUNTS.flatMap((name): [Count, number][] => {
    const value = attributes[name];
    return typeof value === "number" ? [[name, Math.round(value * 1000) / 1000]] : [];
  });
  return {
    at: Math.floor(at),
    annex,
    counts: Object.fromEntries(counts),
    breaker: text(attributes["Breaker"]),
    limitedBy: String(attributes["LimitedBy"] ?? ""),
    reason: String(attributes["Reason"] ?? ""),
    error: text(attributes["LastError"]),
  };
}

export function formatTicks(records: readonly TickRecord[]): string {
  return records.map((one) => `${JSON.stringify(one)}\n`).join("");
}

/** Lines that are torn, or of another version, are left out. */
export function parseTicks(lines: string): TickRecord[] {
  return lines.split("\n").flatMap((line) => {
    let found: unknown;
    try {
      found = JSON.parse(line);
    } catch {
      return [];
    }
    const one = record(found);
    const [at, annex, limitedBy, reason] = [
      finite(one["at"]),
      text(one["annex"]),
      text(one["limitedBy"]),
      text(one["reason"]),
    ];
    if (at === undefined || annex === undefined || limitedBy === undefined || reason === undefined) return [];
    const known = record(one["counts"]);
    const counts = COUNTS.flatMap((name): [Count, number][] => {
      const value = finite(known[name]);
      return value === undefined ? [] : [[name, value]];
    });
    const [breaker, error] = [text(one["breaker"]), text(one["error"])];
    return [{ at, annex, counts: Object.fromEntries(counts), breaker, limitedBy, reason, error }];
  });
}

const SHOWN = {
  "idle jobs": "JobsIdle",
  "idle slots": "SlotsIdle",
  busy: "SlotsBusy",
  "in flight": "InFlight",
  joined: "Joined",
  ordered: "Ordered",
  released: "Released",
} as const satisfies Record<string, Count>;

/** For people: a line for each run that did something, and for those in a row that say the same. */
export function tickTable(records: readonly TickRecord[]): string[][] {
  const rows: string[][] = [];
  let last = "";
  let runs = 0;
  for (const one of records) {
    const row = [
      one.annex,
      ...Object.values(SHOWN).map((name) => String(one.counts[name] ?? "?")),
      word(one),
    ];
    const key = row.join("\n");
    const hasActed = (one.counts.Ordered ?? 0) > 0 || (one.counts.Released ?? 0) > 0;
    runs = key === last && !hasActed ? runs + 1 : 1;
    last = key;
    if (runs === 1) rows.push([new Date(one.at * 1000).toISOString().replace(".000", ""), "1", ...row]);
    else rows.at(-1)?.splice(1, 1, String(runs));
  }
  return [["from", "runs", "annex", ...Object.keys(SHOWN), "limited by"], ...rows];
}

function word({ limitedBy, breaker, error }: TickRecord): string {
  const notes = [
    ...(breaker === undefined || breaker === "closed" ? [] : [`breaker ${breaker}`]),
    ...(error === undefined ? [] : [error]),
  ];
  return notes.length === 0 ? limitedBy : `${limitedBy} (${notes.join("; ")})`;
}
