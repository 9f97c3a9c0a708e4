import { addJob, JOB_ATTRIBUTES, type AdValue, type JobAd } from "./job-ad.ts";
import { badLine, shown, type Reader, type Rows } from "./reader.ts";

const REMEDY = "Give the output of condor_history -xml as it came.";
const ATTRIBUTE = /<a\s+n="([^"]*)"\s*>\s*(?:<(i|r|s|e)\s*>([^<]*)<\/\2>|<s\s*\/>|<b\s+v="([tf])"\s*\/>)/g;

/** `condor_history -xml`: ads `<c>…</c>`; documents may follow each other, each with its own head. */
export function condorXmlReader(rows: Rows): Reader {
  let text = "";
  let line = 1;
  const drop = (length: number): void => {
    for (let i = 0; i < length; i++) if (text.charCodeAt(i) === 10) line++;
    text = text.slice(length);
  };
  const step = (): boolean => {
    const begin = /<c\s*>/.exec(text);
    if (begin === null) {
      checkBetween(text, line, false);
      return false;
    }
    const end = text.indexOf("</c>", begin.index);
    if (end < 0) return false;
    checkBetween(text.slice(0, begin.index), line, true);
    addJob(parse(text.slice(begin.index, end)), rows);
    drop(end + "</c>".length);
    return true;
  };
  return {
    push(chunk) {
      text += chunk;
      while (step());
    },
    end() {
      if (/<c\s*>/.test(text))
        throw badLine(line, "an ad after here is not closed: the file was cut short", REMEDY);
      checkBetween(text, line, true);
    },
  };
}

/** Between ads stand heads and tags of the list only. */
function checkBetween(text: string, line: number, whole: boolean): void {
  const rest = text
    .replace(/<\?xml[^>]*\?>|<!DOCTYPE[^>]*>|<\/?classads\s*>|<!--[\s\S]*?-->|\uFEFF/g, "")
    .trim();
  if (rest === "" || (!whole && rest.startsWith("<"))) return;
  throw badLine(line, `"${shown(rest)}" stands between two ads`, REMEDY);
}

function parse(text: string): JobAd {
  const ad: JobAd = new Map();
  for (const [, name = "", kind, value = "", truth] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase();
    if (JOB_ATTRIBUTES.has(key)) ad.set(key, valueOf(kind, value, truth));
  }
  return ad;
}

function valueOf(kind: string | undefined, text: string, truth: string | undefined): AdValue {
  if (truth !== undefined) return truth === "t";
  switch (kind) {
    case "i":
    case "r": {
      const number = Number(text);
      return text.trim() === "" || Number.isNaN(number) ? undefined : number;
    }
    case "e":
      return undefined;
    default:
      return unescape(text);
  }
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? "");
}
