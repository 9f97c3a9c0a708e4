import { UpdraftError, messageOf } from "../errors.ts";
import { counted } from "../plural.ts";

/** `wrong`: something will not work. `warning`: it works, and somebody should know. */
export type Level = "ok" | "warning" | "wrong";

/** What was found of one piece, on a line each. */
export type Finding = {
  readonly level: Level;
  /** The annex or region that it belongs to, or the access point. */
  readonly of: string;
  readonly piece: string;
  readonly what: string;
  /** What to do next; absent when nothing is to be done. */
  readonly next?: string;
  /** Refused: other credentials or rights are needed, not other settings. */
  readonly denied?: true;
};

export type Found = Pick<Finding, "level" | "what" | "next" | "denied">;

/** One piece of a set-up, which is looked at whatever becomes of the others. */
export type Piece = { readonly of: string; readonly name: string; look(): Promise<readonly Found[]> };

export const ok = (what: string): Found => ({ level: "ok", what });
export const warning = (what: string, next: string): Found => ({ level: "warning", what, next });
export const wrong = (what: string, next: string): Found => ({ level: "wrong", what, next });

/** Ends the wait for a reading that takes too long, by an UpdraftError. */
export type Bounded = <T>(reading: Promise<T>) => Promise<T>;

/** A piece that cannot be looked at, because another one, which tells its own trouble, is missing. */
class NotLookedAt extends Error {}

/** A reading that several pieces share; only its own piece tells why it failed. */
export async function needed<T>(reading: Promise<T>, what: string): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof UpdraftError) throw new NotLookedAt(`not looked at, because ${what} is missing`);
    throw error;
  }
}

/** Reads once, when it is first asked for, and gives everyone the same outcome. */
export function once<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => (reading ??= read());
}

/** Looks at every piece at the same time. One that fails is a finding and hides no other. */
export async function lookAt(pieces: readonly Piece[], bounded: Bounded): Promise<Finding[]> {
  const found = await Promise.all(
    pieces.map(async (piece) => {
      const results = await bounded(piece.look()).catch(failed);
      return results.map((one) => ({ of: piece.of, piece: piece.name, ...one }));
    }),
  );
  return found.flat();
}

function failed(error: unknown): Found[] {
  if (error instanceof NotLookedAt) return [warning(error.message, "See what is told of that.")];
  if (error instanceof UpdraftError) return [refusal(error)];
  return [wrong(`this is a fault of Updraft: ${messageOf(error)}`, "Report it with this text.")];
}

/** A failure that we foresaw, as a finding. */
export function refusal(error: UpdraftError): Found {
  return { ...wrong(error.message, error.remedy), ...(error.kind === "denied" && { denied: true }) };
}

/** Throws unless nothing is wrong. */
export function judge(findings: readonly Finding[]): void {
  const bad = findings.filter((finding) => finding.level === "wrong");
  if (bad.length === 0) return;
  throw new UpdraftError(
    bad.some((finding) => finding.denied === true) ? "denied" : "config",
    `${bad.length} of ${counted(findings.length, "finding")} ${bad.length === 1 ? "is" : "are"} wrong`,
    "Do what stands below each of them, then run the same command again.",
  );
}

/** A finding as a person reads it. */
export function describe(finding: Finding): string {
  const line = `${finding.level.padEnd(7)}  ${finding.of}: ${finding.piece}: ${finding.what}`;
  return finding.next === undefined ? line : `${line}\n         ${finding.next}`;
}
