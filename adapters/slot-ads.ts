import { mkdir, readFile, readdir, stat } from "node:fs/promises";
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
 * own, or `<image>.json`; of both the one that was written later.
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
    async recorded(image) {
      const long = join(directory, `${image}.ad`);
      const [writtenLong, writtenJson] = await Promise.all([changed(long), changed(path(image))]);
      if (writtenJson >= writtenLong) return read(image);
      return readLong(long, path(image));
    },
    async learn(image, type, instanceId) {
      // Whatever stands in the way: it is asked again at the next run.
      await learn(image, type, instanceId).catch((error: unknown) => {
        if (!(error instanceof UpdraftError) && !(error instanceof SyntaxError)) throw error;
      });
    },
  };

  /** HTCondor reads it itself, and knows its escapes. What it makes of it is kept, for that costs it its whole start. */
  async function readLong(file: string, kept: string): Promise<Ad | undefined> {
    try {
      const said = await run("condor_status", ["-ads:long", file, "-json"], {
        timeoutSeconds: QUERY_SECONDS,
      });
      const text = oneAd(said);
      if (text === undefined) return undefined;
      const ad = parseAd(text);
      // Where it cannot be kept it is read anew each time.
      await writeAtomically(kept, text).catch(() => {});
      return ad;
    } catch {
      // As above.
      return undefined;
    }
  }

  async function learn(image: string, type: string, instanceId: string): Promise<void> {
    const name = `${image}_${type}`;
    const age = (Date.now() - (await changed(path(name)))) / 1000;
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

/** When a file was last written, in milliseconds since 1970; before all time when it is not there. */
const changed = async (file: string): Promise<number> =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.NEGATIVE_INFINITY,
  );

/** The first ad of a list of them. */
const oneAd = (said: string): string | undefined => /^\{\n[\s\S]*?\n\}$/m.exec(said)?.[0];
