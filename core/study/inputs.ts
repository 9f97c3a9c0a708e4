import { UpdraftError } from "../errors.ts";
import type { AnnexKnobs } from "../knobs.ts";
import { LAW_NAMES } from "../laws/catalogue.ts";
import { lastStretch } from "../last-stretch.ts";
import { nearest } from "../nearest.ts";
import type { Resources } from "../packing.ts";
import { FAMILIES } from "../sim/families.ts";
import { BASE_PLANT, type Plant } from "../sim/plant.ts";
import type { Workload } from "../sim/workload.ts";
import { parseDuration } from "../time.ts";
import { OURS } from "./study.ts";

/** What an option says; undefined when it was not given. */
export type Text = (option: string) => string | undefined;

const usage = (message: string, remedy: string): UpdraftError => new UpdraftError("usage", message, remedy);
const DEFAULT_LAWS = [OURS, "unmet-demand", "gcp", "cluster-autoscaler", "provisioning-rate"];
const DEFAULT_VALUES = [1, 3, 10];
const MOST_SEEDS = 1000;

/** Laws by name, ours first as it is listed; `all` are all. */
export function readLaws(text: string | undefined): readonly string[] {
  if (text === undefined) return DEFAULT_LAWS;
  if (text === "all") return LAW_NAMES;
  const names = listOf(text, "law", "updraft,gcp");
  for (const name of names) {
    if (LAW_NAMES.includes(name)) continue;
    const guess = nearest(name, LAW_NAMES);
    throw usage(
      `there is no law ${name}`,
      guess === undefined ? `They are ${LAW_NAMES.join(", ")}, or all.` : `Did you mean ${guess}?`,
    );
  }
  return names;
}

/** Letters of scenarios; `all` are all. */
export function readScenarios(text: string): readonly string[] {
  const letters = FAMILIES.map(({ name }) => name);
  if (text === "all") return letters;
  const names = listOf(text.toUpperCase(), "scenario", "A,F");
  const wrong = names.find((name) => !letters.includes(name));
  if (wrong !== undefined)
    throw usage(`there is no scenario ${wrong}`, `They are ${letters.join(", ")}, or all.`);
  return names;
}

export function readWaitValues(text: string | undefined, annex: AnnexKnobs | undefined): readonly number[] {
  if (text === undefined) return annex === undefined ? DEFAULT_VALUES : [annex.waitValue];
  return listOf(text, "wait-value", "1,3,10").map((word) => {
    const value = Number(word);
    if (/^\d{0,6}(\.\d{1,6})?$/.test(word) && value > 0) return value;
    throw usage(
      `--wait-value "${word}" is no positive number`,
      "Give machine-hours per hour of waiting, such as 1,3,10.",
    );
  });
}

export function readWholeNumber(text: string | undefined, option: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (/^\d{1,6}$/.test(text) && value >= 1 && value <= MOST_SEEDS) return value;
  throw usage(
    `--${option} "${text}" is no whole number from 1 to ${MOST_SEEDS}`,
    `Give one, such as --${option} 5.`,
  );
}

/** Seconds; undefined when the option was not given. */
export function readDuration(text: Text, option: string): number | undefined {
  const given = text(option);
  if (given === undefined) return undefined;
  const seconds = parseDuration(given);
  if (seconds === undefined || seconds === 0)
    throw usage(`--${option} "${given}" is no duration`, "Give one such as 8h, 20m or 1h30m.");
  return seconds;
}

/** What options say of the plant, over the annex's knobs. */
export function readChanges(
  text: Text,
  spares: boolean,
  annex: AnnexKnobs | undefined,
): { readonly changes: Partial<Plant>; readonly idleSeconds: number | undefined } {
  const lease = readDuration(text, "lease") ?? annex?.leaseSeconds;
  const drain = readDuration(text, "drain") ?? annex?.drainSeconds;
  const most = text("max-instances");
  if (most !== undefined && !/^[1-9]\d{0,5}$/.test(most))
    throw usage(`--max-instances "${most}" is no positive whole number`, "Give one such as 60.");
  const maxInstances = most === undefined ? annex?.maxInstances : Number(most);
  const whole = lease ?? BASE_PLANT.leaseSeconds;
  return {
    changes: {
      spares: spares || annex?.spares === true,
      ...(lease !== undefined && { leaseSeconds: lease }),
      ...(drain !== undefined && { refuseSeconds: lastStretch(drain, whole).refuse }),
      ...(maxInstances !== undefined && { maxInstances }),
    },
    idleSeconds: readDuration(text, "idle") ?? annex?.idleSeconds,
  };
}

const USUAL = { leaseSeconds: 8 * 3600, idleSeconds: 1200, drainSeconds: 600 } as const;

/** Recorded jobs meet the knobs' own defaults where neither option nor knob says otherwise. */
export function recordedPlant(machine: Resources): { readonly plant: Plant; readonly idleSeconds: number } {
  return {
    plant: {
      ...BASE_PLANT,
      offers: [{ machine, price: 1, reclaimsPerHour: 0 }],
      leaseSeconds: USUAL.leaseSeconds,
      refuseSeconds: lastStretch(USUAL.drainSeconds, USUAL.leaseSeconds).refuse,
    },
    idleSeconds: USUAL.idleSeconds,
  };
}

/** Throws unless there is something to simulate. */
export function checkJobs(jobs: Workload, machine: Resources): void {
  if (jobs.count === 0)
    throw usage(
      "the file has no job that can be simulated",
      "condor_history shows completed jobs; see how many rows were skipped, and why.",
    );
  const held = jobs.requests.some(
    ({ cpus, memory, gpus }) => cpus <= machine.cpus && memory <= machine.memory && gpus <= machine.gpus,
  );
  if (!held)
    throw usage(
      `no job of the file fits on a machine of ${machine.cpus} CPUs and ${machine.memory} MiB`,
      "Give a larger --machine or --instance-types.",
    );
}

function listOf(text: string, what: string, example: string): string[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  if (words.length === 0) throw usage(`--${what} names nothing`, `Give some, such as ${example}.`);
  return [...new Set(words)];
}
