import { median, table } from "../table.ts";
import { JOB_KINDS, type JobKind } from "./checkpoint-job.ts";

/** What befalls nodes. */
export const MISFORTUNES = ["release", "power cut", "terminated by EC2", "spot interruption"] as const;
export type Cause = "lease end" | (typeof MISFORTUNES)[number];

/** One job: how often it began again, and what was lost, by what ended the node under it. */
export type JobRow = {
  readonly job: string;
  readonly round: number;
  readonly kind: JobKind;
  readonly seconds: number;
  readonly completed: boolean;
  readonly restarts: number;
  readonly lost: readonly { readonly cause: Cause; readonly seconds: number }[];
};

/** What has time to hand back what runs. */
const IN_ORDER: ReadonlySet<Cause> = new Set<Cause>(["lease end", "release", "spot interruption"]);

export function jobTable(rows: readonly JobRow[]): string {
  const causes: readonly Cause[] = ["lease end", ...MISFORTUNES];
  const line = (
    name: string,
    kind: JobKind | "all",
    is: (cause: Cause) => boolean,
  ): (string | number)[][] => {
    const seconds = rows
      .filter((row) => kind === "all" || row.kind === kind)
      .flatMap((row) => row.lost.filter(({ cause }) => is(cause)))
      .map((one) => one.seconds);
    if (seconds.length === 0) return [];
    const sum = seconds.reduce((total, one) => total + one, 0);
    return [
      [
        name,
        kind,
        seconds.length,
        Math.round(sum),
        median(seconds).toFixed(0),
        Math.max(...seconds).toFixed(0),
      ],
    ];
  };
  return table(
    ["what ended the node", "job", "restarts", "seconds lost", "median", "worst"],
    [
      ...causes.flatMap((cause) => JOB_KINDS.flatMap((kind) => line(cause, kind, (one) => one === cause))),
      ...line("any of them", "all", () => true),
    ],
  );
}

/** The most that a job which saves its work lost at an end in order. */
export function worstInOrder(rows: readonly JobRow[]): number {
  const lost = rows.filter(({ kind }) => kind !== "keeps nothing").flatMap((row) => row.lost);
  return Math.max(0, ...lost.filter(({ cause }) => IN_ORDER.has(cause)).map(({ seconds }) => seconds));
}
