import type { ScheddAd, ScheddFacts } from "../core/check/ports.ts";
import { quote } from "../core/classad.ts";
import { UpdraftError } from "../core/errors.ts";
import { number, parseAds, text, type Ad } from "./condor-ads.ts";
import type { Run } from "./run.ts";

const ANSWER = { timeoutSeconds: 10 };

/** The schedd as the collector and the schedd itself show it. */
export function scheddFacts(run: Run): ScheddFacts {
  return {
    async ad(name) {
      const query = ["-schedd", "-constraint", `Name == ${quote(name)}`, "-json"];
      const [ad] = parseAds(await run("condor_status", query, ANSWER), "condor_status");
      return ad && scheddAd(ad);
    },
    knob: (name) => daemonKnob(run, "-schedd", name),
  };
}

/** A knob as a running daemon has it; undefined when it has none. */
export async function daemonKnob(
  run: Run,
  daemon: "-schedd" | "-collector",
  name: string,
): Promise<string | undefined> {
  try {
    const said = (await run("condor_config_val", [daemon, name], ANSWER)).trim();
    return said === "" ? undefined : said;
  } catch (error) {
    // Its word for a knob that the daemon does not have; everything else is a daemon that does not answer.
    if (error instanceof UpdraftError && /not defined/i.test(error.message)) return undefined;
    throw error;
  }
}

const LAST_ERROR = /^Annex_([a-z][a-z0-9]*)_LastError$/;

function scheddAd(ad: Ad): ScheddAd {
  return {
    address: text(ad["MyAddress"]) ?? "",
    started: number(ad["DaemonStartTime"]) ?? 0,
    now: number(ad["MyCurrentTime"]) ?? 0,
    hookUpdated: number(ad["Annex_LastUpdate"]),
    errors: Object.fromEntries(
      Object.entries(ad).flatMap(([name, value]) => {
        const annex = LAST_ERROR.exec(name)?.[1];
        const error = text(value);
        return annex === undefined || error === undefined ? [] : [[annex, error]];
      }),
    ),
  };
}
