import { hidesAttributes } from "./classad.ts";

/**
 * Which jobs match a slot that was advertised with an annex's token, whatever the slot says of itself: UPDRAFT_OPT_IN,
 * which the access point's drop-in makes part of every job's Requirements.
 */
export const DEFAULT_OPT_IN = "MY.MayUseAWS =?= true";

/** Of a slot only this may be read: the collector writes it, not the slot. */
const WRITTEN_BY_COLLECTOR = "target.authenticatedidentity";
const WORDS = new Set(["true", "false", "undefined", "error", "is", "isnt"]);
/** A name with its scope. What a parenthesis follows is a function. */
const NAMES = /(?<!\w)\.?[A-Za-z_][\w.]*(?!\w|\s*\()/g;

/** Parts of an expression outside of strings, and strings between them. */
const parts = (expression: string): string[] => expression.split(/("(?:[^"\\]|\\.)*")/);
const isString = (part: string): boolean => part.startsWith('"');

/** What could be read from the slot instead of the job: HTCondor looks for a name without scope in both. */
export function unscopedName(expression: string): string | undefined {
  if (hidesAttributes(expression)) return "a name in quotes or in eval()";
  const names = parts(expression).flatMap((part) => (isString(part) ? [] : (part.match(NAMES) ?? [])));
  return names.find((name) => {
    const lower = name.toLowerCase();
    return !WORDS.has(lower) && lower !== WRITTEN_BY_COLLECTOR && !/^my\.\w+$/.test(lower);
  });
}

/** An expression over the job, as _JOBS has it, with MY. before each attribute. */
export function scoped(expression: string): string {
  const mine = (name: string): string =>
    name.includes(".") || WORDS.has(name.toLowerCase()) ? name : `MY.${name}`;
  return parts(expression)
    .map((part) => (isString(part) ? part : part.replace(NAMES, mine)))
    .join("");
}

/** Whether every job that _JOBS lets in has opted in, as far as can be seen: the opt-in is one of the terms that _JOBS joins by `&&`. */
export function asksForOptIn(jobs: string, optIn: string): boolean {
  return terms(jobs).map(plain).includes(plain(optIn));
}

const plain = (expression: string): string =>
  parts(unwrapped(expression))
    .map((part) => (isString(part) ? part : part.replace(/\s+|\bMY\./gi, "").toLowerCase()))
    .join("");

/** What `&&` joins at the top; the whole when anything binds less. */
function terms(expression: string): string[] {
  const found: string[] = [];
  let start = 0;
  for (const { at, text } of operators(expression)) {
    if (text !== "&&") return [expression];
    found.push(expression.slice(start, at));
    start = at + text.length;
  }
  return [...found, expression.slice(start)];
}

/** `&&`, `||` and `?` outside of strings and parentheses. */
function operators(expression: string): { readonly at: number; readonly text: string }[] {
  const found = [];
  let depth = 0;
  for (const match of expression.matchAll(/"(?:[^"\\]|\\.)*"|[([{]|[)\]}]|=\?=|&&|\|\||\?/g)) {
    const [text] = match;
    if (/^[([{]$/.test(text)) depth++;
    else if (/^[)\]}]$/.test(text)) depth--;
    else if (depth === 0 && /^(&&|\|\||\?)$/.test(text)) found.push({ at: match.index, text });
  }
  return found;
}

/** Without parentheses around the whole. */
function unwrapped(expression: string): string {
  const text = expression.trim();
  const inner = /^\((.*)\)$/s.exec(text)?.[1];
  // Balanced inside, so that the first parenthesis is the partner of the last.
  return inner !== undefined && isBalanced(inner) ? unwrapped(inner) : text;
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const [character] of text.matchAll(/"(?:[^"\\]|\\.)*"|[()]/g)) {
    if (character === "(") depth++;
    if (character === ")" && --depth < 0) return false;
  }
  return depth === 0;
}
