import { addJob, JOB_ATTRIBUTES, type AdValue, type JobAd } from "./job-ad.ts";
import { badLine, lineReader, shown, type Reader, type Rows } from "./reader.ts";

/** `condor_history -long` and the schedd's own history file: `Name = value` lines; a blank line or a `***` line ends an ad. */
export function condorLongReader(rows: Rows): Reader {
  let ad: JobAd = new Map();
  let some = false;
  const finish = (): void => {
    if (some) addJob(ad, rows);
    ad = new Map();
    some = false;
  };
  const line = (text: string, number: number): void => {
    if (text.trim() === "" || text.startsWith("***")) return finish();
    const found = /^\s*([A-Za-z_][\w.]*)\s*=(?![=?!])\s*(.*)$/.exec(text);
    if (found === null) {
      throw badLine(
        number,
        `"${shown(text)}" is not "Name = value"`,
        "Give the output of condor_history -long, or a history file of the schedd.",
      );
    }
    some = true;
    const name = (found[1] ?? "").toLowerCase();
    if (JOB_ATTRIBUTES.has(name)) ad.set(name, literal((found[2] ?? "").trim()));
  };
  return lineReader(line, finish);
}

function literal(text: string): AdValue {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(text);
  return quoted === null ? undefined : (quoted[1] ?? "").replace(/\\(.)/g, "$1");
}
