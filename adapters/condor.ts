import { quote } from "../core/classad.ts";
import { UpdraftError } from "../core/errors.ts";
import type { Slot } from "../core/instance.ts";
import type { Setting } from "../core/knobs.ts";
import { number, parseAds, text, type Ad } from "./condor-ads.ts";
import type { Run } from "./run.ts";

const SLOT_ATTRIBUTES = [
  "Name",
  "State",
  "Activity",
  "CloudInstanceID",
  "AnnexName",
  "AnnexSchedd",
  "Draining",
  "AnnexEnding",
  "EnteredCurrentState",
  "NumDynamicSlotsTime",
];

const SCHEDD = "SCHEDD";

export type Condor = {
  /**
   * Every knob of the schedd whose whole name matches the regular expression, with its expanded value and where it
   * was set; also those that are set for other daemons alone, with the daemon's name and a dot before theirs.
   */
  settings(names: string): Promise<Setting[]>;
  /** The slots that the collector knows of an annex. */
  slots(annex: string): Promise<Slot[]>;
  /** What is wrong with a ClassAd expression; undefined when nothing is. */
  expressionError(expression: string): Promise<string | undefined>;
};

/** `localName` is which of this machine's schedds is meant, when it is not the one without a local name. */
export function condor(run: Run, localName?: string): Condor {
  const daemon = ["-subsystem", SCHEDD, ...(localName === undefined ? [] : ["-local-name", localName])];
  return {
    async settings(names) {
      const pattern = `^([^.]+[.])?(${names})$`;
      const dump = await run("condor_config_val", [...daemon, "-dump", "-expanded", "-verbose", pattern]);
      return ofDaemon(parseDump(dump), localName === undefined ? [SCHEDD] : [SCHEDD, localName]);
    },
    async slots(annex) {
      // With -startd, HTCondor 23 and later tell the daemon's own ad, which comes a minute late and has no state.
      const output = await run("condor_status", [
        "-constraint",
        `AnnexName =?= ${quote(annex)}`,
        "-attributes",
        SLOT_ATTRIBUTES.join(","),
        "-json",
      ]);
      return parseAds(output, "condor_status").map((ad) => ({
        ...slot(ad),
        schedd: text(ad["AnnexSchedd"]),
        since: latest(number(ad["EnteredCurrentState"]), number(ad["NumDynamicSlotsTime"])),
        draining: ad["Draining"] === true || ad["State"] === "Drained" || ad["AnnexEnding"] === true,
      }));
    },
    async expressionError(expression) {
      try {
        await run("classad_eval", ['MyType = "Job"', expression]);
        return undefined;
      } catch (error) {
        if (error instanceof UpdraftError && error.kind === "failed") return "HTCondor cannot parse it";
        throw error;
      }
    },
  };
}

/**
 * Reads `condor_config_val -dump -expanded -verbose`: `NAME = value` or `NAME @=end … @end`, then lines ` # at: …`.
 * A knob with an empty value is one that HTCondor calls not defined, and is left out.
 */
export function parseDump(text: string): Setting[] {
  const found: Setting[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const several = /^([A-Za-z_][\w.]*) @=(\S+)$/.exec(line);
    const single = /^([A-Za-z_][\w.]*) = (.*)$/.exec(line);
    let name: string;
    let value: string;
    if (several !== null) {
      const end = `@${several[2] ?? ""}`;
      const body: string[] = [];
      while (i + 1 < lines.length && lines[i + 1] !== end) body.push((lines[++i] ?? "").trim());
      i++;
      [name, value] = [several[1] ?? "", body.join(" ").trim()];
    } else if (single !== null) {
      [name, value] = [single[1] ?? "", (single[2] ?? "").trim()];
    } else {
      continue;
    }
    const at = /^ # at: (.*)$/.exec(lines[i + 1] ?? "");
    if (value !== "") found.push({ name, value, source: at?.[1] ?? "unknown place" });
  }
  return found;
}

/** A knob that is set for a daemon's local name goes before one for its subsystem, and that before the common one. */
function ofDaemon(settings: readonly Setting[], prefixes: readonly string[]): Setting[] {
  const found = new Map(settings.map((setting) => [setting.name.toUpperCase(), setting]));
  for (const prefix of prefixes.map((name) => `${name.toUpperCase()}.`)) {
    for (const [name, setting] of found) {
      if (!name.startsWith(prefix)) continue;
      found.set(name.slice(prefix.length), { ...setting, name: setting.name.slice(prefix.length) });
    }
  }
  return [...found.values()];
}

/** What joins a slot to its instance. */
export function slot(ad: Ad): Slot {
  return {
    name: text(ad["Name"]) ?? "",
    instanceId: text(ad["CloudInstanceID"]),
    state: text(ad["State"]) ?? "",
    activity: text(ad["Activity"]) ?? "",
  };
}

/** A partitionable slot is Unclaimed all its life: when a part of it was last taken or given back, another time tells. */
function latest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
