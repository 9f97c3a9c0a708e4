import { addJob, JOB_ATTRIBUTES, type JobAd } from "./job-ad.ts";
import { badLine, shown, type Reader, type Rows } from "./reader.ts";

const REMEDY = "Give the output of condor_history -json or -jsonl as it came.";

/** `condor_history -json` and `-jsonl`: ads one after the other, in lists or not, several documents too. */
export function condorJsonReader(rows: Rows): Reader {
  let depth = 0;
  let quoted = false;
  let escaped = false;
  let line = 1;
  let begun = 1;
  let text = "";
  /** Lines at which lists began that are still open. */
  const lists: number[] = [];

  const outside = (character: string): void => {
    if (character === "{") {
      depth = 1;
      begun = line;
    } else if (character === "[") {
      lists.push(line);
    } else if (character === "]") {
      if (lists.pop() === undefined) throw badLine(line, "a list ends here that did not begin", REMEDY);
    } else if (!/[,\s\uFEFF]/.test(character)) {
      throw badLine(line, `"${shown(character)}" stands between two ads`, REMEDY);
    }
  };
  return {
    push(chunk) {
      let from = depth > 0 ? 0 : -1;
      for (let i = 0; i < chunk.length; i++) {
        const character = chunk.charAt(i);
        if (character === "\n") line++;
        if (depth === 0) {
          outside(character);
          if (depth > 0) from = i;
        } else if (quoted) {
          if (escaped) escaped = false;
          else if (character === "\\") escaped = true;
          else if (character === '"') quoted = false;
        } else if (character === '"') {
          quoted = true;
        } else if (character === "{") {
          depth++;
        } else if (character === "}" && --depth === 0) {
          addJob(parse(text + chunk.slice(from, i + 1), begun), rows);
          text = "";
          from = -1;
        }
      }
      if (from >= 0) text += chunk.slice(from);
    },
    end() {
      if (depth > 0)
        throw badLine(begun, "the ad that begins here is not closed: the file was cut short", REMEDY);
      const list = lists.at(-1);
      if (list !== undefined)
        throw badLine(list, "the list that begins here is not closed: the file was cut short", REMEDY);
    },
  };
}

function parse(text: string, line: number): JobAd {
  let ad: Record<string, unknown>;
  try {
    ad = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw badLine(line, `the ad that begins here is not JSON: "${shown(text)}"`, REMEDY);
  }
  const known: JobAd = new Map();
  for (const [name, value] of Object.entries(ad)) {
    const key = name.toLowerCase();
    if (!JOB_ATTRIBUTES.has(key)) continue;
    // An expression is written as a string "/Expr(…)/".
    const plain = typeof value === "number" || typeof value === "boolean";
    const string = typeof value === "string" && !value.startsWith("/Expr(");
    known.set(key, plain || string ? value : undefined);
  }
  return known;
}
