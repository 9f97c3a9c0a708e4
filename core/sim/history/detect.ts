import { UpdraftError } from "../../errors.ts";
import { condorJsonReader } from "./condor-json.ts";
import { condorLongReader } from "./condor-long.ts";
import { condorXmlReader } from "./condor-xml.ts";
import { csvReader } from "./csv.ts";
import { gather, shown, type Reader, type ReadWorkload, type Rows } from "./reader.ts";
import { swfReader } from "./swf.ts";

export type Format = "json" | "xml" | "long" | "swf" | "csv";

const READERS: Readonly<Record<Format, (rows: Rows) => Reader>> = {
  json: condorJsonReader,
  xml: condorXmlReader,
  long: condorLongReader,
  swf: swfReader,
  csv: csvReader,
};

const REMEDY =
  "Give the output of condor_history -json, -xml or -long, a trace in the Standard Workload Format, or a table with the columns submit_s, runtime_s, cores and user.";
const ENOUGH = 4096;

/** Tells the format by its beginning; undefined when it is none of them. */
export function formatOf(beginning: string): Format | undefined {
  const text = beginning.replace(/^\uFEFF/, "").trimStart();
  if (/^[[{]/.test(text)) return "json";
  if (text.startsWith("<")) return "xml";
  if (text.startsWith(";") || /^-?\d+(\.\d+)?\s+-?\d/.test(text)) return "swf";
  if (text.startsWith("***") || /^[A-Za-z_][\w.]*\s*=/.test(text)) return "long";
  return /^[\w ]+,/.test(text) ? "csv" : undefined;
}

/** Reads a workload of any known format from pieces of its text. */
export function workloadReader(format?: Format): { push(text: string): void; end(): ReadWorkload } {
  const { rows, result } = gather();
  let beginning = "";
  let reader: Reader | undefined;
  const begin = (): Reader => {
    const found = format ?? formatOf(beginning);
    if (found === undefined) {
      const what =
        beginning.trim() === "" ? "the file is empty" : `"${shown(beginning.trim())}" begins no known format`;
      throw new UpdraftError("usage", what, REMEDY);
    }
    const made = READERS[found](rows);
    made.push(beginning);
    return made;
  };
  return {
    push(text) {
      if (reader !== undefined) return reader.push(text);
      beginning += text;
      if (beginning.length >= ENOUGH) reader = begin();
    },
    end() {
      reader ??= begin();
      reader.end();
      return result();
    },
  };
}
