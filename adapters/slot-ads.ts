import { access, mkdir, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseAd, type Ad } from "../core/ad-json.ts";
import { quote } from "../core/classad.ts";
import { UpdraftError } from "../core/errors.ts";
import type { SlotAds } from "../core/slot-template.ts";
import type { Run } from "./run.ts";
import { writeAtomically } from "./files.ts";

const QUERY_SECONDS = 10;
/** How long a slot is taken for what the next one will be like. */
const FRESH_SECONDS = 3600;

export type SlotAdFiles = SlotAds & {
  /** Keeps what an instance's slot says, unless that is known well enough. */
  learn(image: string, type: string, instanceId: string): Promise<void>;
};

/**
 * Slots' ads in a directory: `<image>_<type>.json` of instances that have joined, as HTCondor prints them in JSON, and
 * what whoever makes an image may put there, `<image>.ad` in HTCondor's long form, in which an image has recorded its
 * own, or `<image>.json`.
 */
export function slotAdFiles(run: Run, directory: string): SlotAdFiles {
  const path = (name: string): string => join(directory, `${name}.json`);
  const read = async (name: string): Promise<Ad | undefined> => {
    try {
      return parseAd(await readFile(path(name), "utf8"));
    } catch {
      // Of a file that is not there, or cut short, nothing is known.
      return undefined;
    }
  };
  return {
    async last(image, type) {
      if (type !== undefined) return read(`${image}_${type}`);
      const names = await readdir(directory).catch(() => []);
      const one = names.find((name) => name.startsWith(`${image}_`) && name.endsWith(".json"));
      return one === undefined ? undefined : read(one.slice(0, -".json".length));
    },
    recorded: async (image) => (await read(image)) ?? (await readLong(join(directory, `${image}.ad`))),
    async learn(image, type, instanceId) {
      // Whatever stands in the way: it is asked again at the next run.
      await learn(image, type, instanceId).catch((error: unknown) => {
        if (!(error instanceof UpdraftError) && !(error instanceof SyntaxError)) throw error;
      });
    },
  };

  /** HTCondor reads it itself, and knows its escapes. */
  async function readLong(file: string): Promise<Ad | undefined> {
    try {
      await access(file);
      const said = await run("condor_status", ["-ads:long", file, "-json"], {
        timeoutSeconds: QUERY_SECONDS,
      });
      const ad = oneAd(said);
      return ad === undefined ? undefined : parseAd(ad);
    } catch {
      // As above.
      return undefined;
    }
  }

  async function learn(image: string, type: string, instanceId: string): Promise<void> {
    const name = `${image}_${type}`;
    const age = await stat(path(name)).then(
      ({ mtimeMs }) => (Date.now() - mtimeMs) / 1000,
      () => Number.POSITIVE_INFINITY,
    );
    if (age >= 0 && age < FRESH_SECONDS) return;
    const constraint = `CloudInstanceID =?= ${quote(instanceId)} && SlotType =!= "Dynamic"`;
    const args = ["-constraint", constraint, "-limit", "1", "-json"];
    const said = await run("condor_status", args, { timeoutSeconds: QUERY_SECONDS });
    const ad = oneAd(said);
    if (ad === undefined) return;
    parseAd(ad);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeAtomically(path(name), ad);
  }
}

/** The first ad of a list of them. */
const oneAd = (said: string): string | undefined => /^\{\n[\s\S]*?\n\}$/m.exec(said)?.[0];
