import { expressionProblem } from "./classad.ts";
import { blocksProblem } from "./direct.ts";
import { unscopedName } from "./opt-in.ts";
import { JOB_ATTRIBUTES, type Owners } from "./start-expression.ts";
import type { Tags } from "./tags.ts";
import { parseDuration } from "./time.ts";

/** Gives the value of a knob's text, or throws {@link Expected}: what would be right. */
export type Reader<T> = (text: string) => T;

export class Expected extends Error {}

export function expect(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new Expected(expected);
}

export const list = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

export function listOf(pattern: RegExp, expected: string): Reader<string[]> {
  return (text) => {
    const words = list(text);
    expect(words.length > 0 && words.every((word) => pattern.test(word)), expected);
    expect(new Set(words).size === words.length, `${expected}, each once`);
    return words;
  };
}

export function matching(pattern: RegExp, expected: string): Reader<string> {
  return (text) => {
    expect(pattern.test(text), expected);
    return text;
  };
}

export function oneOf<T extends string>(...words: readonly T[]): Reader<T> {
  return (text) => {
    const found = words.find((word) => word === text.toLowerCase());
    expect(found !== undefined, `one of ${words.join(", ")}`);
    return found;
  };
}

export const boolean: Reader<boolean> = (text) => {
  expect(/^(true|false|yes|no|1|0)$/i.test(text), "true or false");
  return /^(true|yes|1)$/i.test(text);
};

export function integer(least: number, most: number): Reader<number> {
  return (text) => {
    const value = Number(text);
    expect(
      /^\d{1,12}$/.test(text) && value >= least && value <= most,
      `a whole number from ${least} to ${most}`,
    );
    return value;
  };
}

export function positive(unit: string): Reader<number> {
  return (text) => {
    expect(/^\d{0,9}(\.\d{1,9})?$/.test(text) && Number(text) > 0, `a positive number${unit}, such as 0.25`);
    return Number(text);
  };
}

/** Also a product, which is how `20 * $(MINUTE)` expands. */
export function duration(leastSeconds: number, example: string): Reader<number> {
  return (text) => {
    const product = /^\(?(\d{1,6})\s*\*\s*(\d{1,6})\)?$/.exec(text);
    const seconds = product === null ? parseDuration(text) : Number(product[1]) * Number(product[2]);
    expect(seconds !== undefined, `a duration such as ${example}`);
    expect(seconds >= leastSeconds, `a duration of at least ${leastSeconds} s`);
    return seconds;
  };
}

export const expression: Reader<string> = (text) => {
  const problem = expressionProblem(text);
  expect(problem === undefined, `a ClassAd expression over the job, but ${problem ?? ""}`);
  return text;
};

export const optIn: Reader<string> = (text) => {
  const unscoped = unscopedName(expression(text));
  expect(
    unscoped === undefined,
    `MY. before each attribute of the job, lest a slot answer for it; ${unscoped ?? ""} has none`,
  );
  return text;
};

export const owners: Reader<Owners> = (text) => {
  const words = list(text);
  if (words.length === 1 && words[0] === "*") return "*";
  expect(
    words.length > 0 && words.every((word) => /^[A-Za-z0-9_][\w.+-]*(@[A-Za-z0-9][\w.-]*)?$/.test(word)),
    "users as user@domain or accounting groups, separated by commas, or * alone for everyone",
  );
  return words;
};

/** `Name = value; Name = value`; a semicolon inside quotes separates nothing. */
function assignments(text: string): [string, string][] | undefined {
  const parts = text.match(/(?:[^;"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  if (parts.join(";").replace(/\s/g, "") !== text.replace(/\s|;\s*$/g, "")) return undefined;
  const result: [string, string][] = [];
  for (const part of parts) {
    if (part.trim() === "") continue;
    const match = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/s.exec(part);
    if (match === null) return undefined;
    result.push([match[1] ?? "", match[2] ?? ""]);
  }
  return new Set(result.map(([name]) => name.toLowerCase())).size === result.length ? result : undefined;
}

const SLOT_RULE = 'attributes as Name = value; Name = value, each value a number, true, false or a "string"';
/** What HTCondor or Updraft itself says about a slot. */
const RESERVED_SLOT_ATTRIBUTES = new Set(
  [
    ...JOB_ATTRIBUTES,
    "AnnexName",
    "IsAnnex",
    "Start",
    "Requirements",
    "Rank",
    "Name",
    "Machine",
    "MyType",
  ].map((name) => name.toLowerCase()),
);

export const slotAttributes: Reader<Record<string, string>> = (text) => {
  const found = assignments(text);
  expect(found !== undefined, SLOT_RULE);
  for (const [name, value] of found) {
    expect(/^[A-Za-z_]\w*$/.test(name), `${SLOT_RULE}; "${name}" is not a name`);
    expect(
      /^(true|false|-?\d+(\.\d+)?|"(?:[^"\\\r\n]|\\["\\])*")$/i.test(value) && !/\$[A-Za-z_]*\(/.test(value),
      `${SLOT_RULE}; ${name} has none of these`,
    );
    expect(
      !RESERVED_SLOT_ATTRIBUTES.has(name.toLowerCase()) && !/^(Cloud|Updraft|Annex_)/i.test(name),
      `other attributes than ${name}, which is not for this knob to set`,
    );
  }
  return Object.fromEntries(found);
};

export const blocks: Reader<string[]> = (text) => {
  const words = list(text);
  const problem = blocksProblem(words);
  expect(problem === undefined, problem ?? "");
  return words;
};

const MAX_OWN_TAGS = 35;

export const tags: Reader<Tags> = (text) => {
  const found = assignments(text);
  expect(
    found !== undefined && found.length <= MAX_OWN_TAGS,
    `up to ${MAX_OWN_TAGS} tags as Key = value; Key = value`,
  );
  for (const [key, value] of found) {
    expect(
      /^[A-Za-z0-9+\-=._:@,]{1,128}$/.test(key) && !/^(\.\.?|_index)$/.test(key),
      `tag keys of letters, digits and +-=._:@, which instance metadata can show; "${key}" is none`,
    );
    expect(!/^(aws|htcondor):/i.test(key) && key !== "Name", `another tag key than ${key}, which is taken`);
    expect(/^[\p{L}\p{N} +\-=._:/@]{0,256}$/u.test(value), `a tag value that EC2 accepts for ${key}`);
  }
  return Object.fromEntries(found);
};

const TYPE = /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/;
export const TYPES_RULE = "instance types such as m7i.large, separated by commas";
export const instanceTypeList = listOf(TYPE, TYPES_RULE);
