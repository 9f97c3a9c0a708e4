import { quote } from "../core/classad.ts";
import { UpdraftError, messageOf } from "../core/errors.ts";
import type { Resources } from "../core/packing.ts";

/** An ad as `-json` prints it: an expression is a string `/Expr(…)/`, undefined is null. */
export type Ad = Readonly<Record<string, unknown>>;

/** HTCondor prints nothing at all when there is no ad. An answer that is cut short is an error, never fewer ads. */
export function parseAds(output: string, program: string): Ad[] {
  if (output.trim() === "") return [];
  try {
    const ads: unknown = JSON.parse(output);
    if (Array.isArray(ads) && ads.every((ad) => typeof ad === "object" && ad !== null)) return ads as Ad[];
    throw new Error("it is no list of ads");
  } catch (error) {
    throw new UpdraftError(
      "failed",
      `${program} gave an answer that cannot be read: ${messageOf(error)}`,
      `Run ${program} -json by hand to see what is wrong.`,
      error,
    );
  }
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The attributes of a slot with this prefix; one that is missing or has no number counts as nothing. */
export function resources(ad: Ad, prefix: "" | "TotalSlot"): Resources {
  const amount = (name: string): number => Math.max(0, number(ad[`${prefix}${name}`]) ?? 0);
  return { cpus: amount("Cpus"), memory: amount("Memory"), disk: amount("Disk"), gpus: amount("GPUs") };
}

/** Slots that are nobody's now, but those of the annex itself. */
export const freeSlotConstraint = (annex: string): string =>
  `State == "Unclaimed" && Offline =!= true && Cpus > 0 && AnnexName =!= ${quote(annex)}`;
