/** What an attribute holds, as HTCondor's JSON tells it; an expression is told from a string that looks like one. */
export type AdValue = string | number | boolean | Expression | readonly AdValue[] | AdRecord | undefined;
export type AdRecord = { readonly [name: string]: AdValue };

/** A value that HTCondor has not evaluated, in the text of new ClassAds. */
export class Expression {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An ad by its attributes' names in lower case, since HTCondor does not tell `RequestCpus` from `requestcpus`. */
export type Ad = ReadonlyMap<string, AdValue>;

type Source = { readonly source?: string };

/** One ad of `-json`. It is a SyntaxError when the text is no JSON object. */
export function parseAd(text: string): Ad {
  const value: unknown = JSON.parse(text, revive as (this: unknown, key: string, value: unknown) => unknown);
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Expression) {
    throw new SyntaxError("it is no ad");
  }
  return new Map(Object.entries(value as AdRecord).map(([name, found]) => [name.toLowerCase(), found]));
}

/** HTCondor escapes the slashes that mark an expression and no others, so that no string can pass for one. */
function revive(_key: string, value: unknown, context?: Source): unknown {
  if (value === null) return UNDEFINED;
  if (typeof value !== "string" || context?.source?.startsWith('"\\/Expr(') !== true) return value;
  return new Expression(value.slice("/Expr(".length, -")/".length));
}

const UNDEFINED = new Expression("undefined");

export function text(value: AdValue): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function number(value: AdValue): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The ad on one line, as HTCondor reads new ClassAds: nothing in a value can end it or begin another attribute. */
export function formatAd(ad: Iterable<readonly [string, AdValue]>): string {
  const attributes = [...ad].map(([name, value]) => `${attributeName(name)} = ${literal(value)}`);
  return `[ ${attributes.join("; ")} ]`;
}

/** Ads as a file of them that HTCondor's programs read with the form `new`. */
export function formatAds(ads: readonly string[]): string {
  return `{\n${ads.join("\n,\n")}\n}\n`;
}

function attributeName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `'${escape(name).replaceAll("'", "\\'")}'`;
}

function literal(value: AdValue): string {
  switch (typeof value) {
    case "string":
      return `"${escape(value).replaceAll('"', '\\"')}"`;
    case "number":
    case "boolean":
      return String(value);
    case "undefined":
      return "undefined";
    default:
      if (value instanceof Expression) return value.text.replace(/\p{Cc}/gu, " ");
      if (isList(value)) return `{ ${value.map(literal).join(", ")} }`;
      return formatAd(Object.entries(value));
  }
}

function isList(value: readonly AdValue[] | AdRecord | Expression): value is readonly AdValue[] {
  return Array.isArray(value);
}

/** Backslashes and everything that does not print. */
function escape(value: string): string {
  return value
    .replaceAll("\\", "\\\\")
    .replace(/\p{Cc}/gu, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
