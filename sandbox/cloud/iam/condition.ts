import { BlockList, isIP } from "node:net";
import { many, type Context, type Statement } from "./policy.ts";
import { matches } from "./wildcard.ts";

type Compare = (wanted: string, given: string) => boolean;
/** `match` holds for one pair; a negated operator holds when no wanted value matches. */
type Operator = { match: Compare; negated: boolean };

const equals: Compare = (wanted, given) => wanted === given;
const equalsIgnoreCase: Compare = (wanted, given) => wanted.toLowerCase() === given.toLowerCase();
const like: Compare = (wanted, given) => matches(wanted, given);
const numeric =
  (compare: (given: number, wanted: number) => boolean): Compare =>
  (wanted, given) => {
    const [w, g] = [Number(wanted), Number(given)];
    return !Number.isNaN(w) && !Number.isNaN(g) && compare(g, w);
  };
const dated =
  (compare: (given: number, wanted: number) => boolean): Compare =>
  (wanted, given) =>
    compare(instant(given), instant(wanted));
/** Each of the six parts of an ARN is matched by itself, so `*` does not span a colon in the first five. */
const arnLike: Compare = (wanted, given) => {
  const [w, g] = [arnParts(wanted), arnParts(given)];
  return w.length === 6 && g.length === 6 && w.every((part, i) => matches(part, g[i] as string));
};

const OPERATORS: Record<string, Operator> = {
  StringEquals: { match: equals, negated: false },
  StringNotEquals: { match: equals, negated: true },
  StringEqualsIgnoreCase: { match: equalsIgnoreCase, negated: false },
  StringNotEqualsIgnoreCase: { match: equalsIgnoreCase, negated: true },
  StringLike: { match: like, negated: false },
  StringNotLike: { match: like, negated: true },
  ArnEquals: { match: arnLike, negated: false },
  ArnLike: { match: arnLike, negated: false },
  ArnNotEquals: { match: arnLike, negated: true },
  ArnNotLike: { match: arnLike, negated: true },
  NumericEquals: { match: numeric((g, w) => g === w), negated: false },
  NumericNotEquals: { match: numeric((g, w) => g === w), negated: true },
  NumericLessThan: { match: numeric((g, w) => g < w), negated: false },
  NumericLessThanEquals: { match: numeric((g, w) => g <= w), negated: false },
  NumericGreaterThan: { match: numeric((g, w) => g > w), negated: false },
  NumericGreaterThanEquals: { match: numeric((g, w) => g >= w), negated: false },
  DateEquals: { match: dated((g, w) => g === w), negated: false },
  DateNotEquals: { match: dated((g, w) => g === w), negated: true },
  DateLessThan: { match: dated((g, w) => g < w), negated: false },
  DateLessThanEquals: { match: dated((g, w) => g <= w), negated: false },
  DateGreaterThan: { match: dated((g, w) => g > w), negated: false },
  DateGreaterThanEquals: { match: dated((g, w) => g >= w), negated: false },
  Bool: { match: equalsIgnoreCase, negated: false },
  IpAddress: { match: inNetwork, negated: false },
  NotIpAddress: { match: inNetwork, negated: true },
};

/** Whether every condition of a statement holds. An operator that we do not know fails loudly: a guess would prove nothing. */
export function conditionsHold(conditions: Statement["Condition"], context: Context): boolean {
  return Object.entries(conditions ?? {}).every(([name, keys]) =>
    Object.entries(keys).every(([key, wanted]) =>
      holds(
        name,
        many(wanted).map((value) => substitute(String(value), context)),
        context.get(key.toLowerCase()),
      ),
    ),
  );
}

function holds(name: string, wanted: string[], given: readonly string[] | undefined): boolean {
  const [, set, bare = name] = /^(?:(ForAllValues|ForAnyValue):)?(.*)$/.exec(name) ?? [];
  if (bare === "Null")
    return wanted.some((value) => (value.toLowerCase() === "true") === (given === undefined));
  const ifExists = bare.endsWith("IfExists");
  const operator = OPERATORS[ifExists ? bare.slice(0, -"IfExists".length) : bare];
  if (operator === undefined) throw new Error(`IAM condition operator ${name} is not known to the sandbox`);
  const values = given ?? [];
  if (given === undefined && ifExists) return true;
  const one = (value: string): boolean => wanted.some((w) => operator.match(w, value)) !== operator.negated;
  if (set === "ForAllValues") return values.every(one);
  if (set === "ForAnyValue") return values.some(one);
  return given === undefined ? operator.negated : values.some(one);
}

/** Policy variables; one without a value leaves a text that matches nothing. */
export function substitute(pattern: string, context: Context): string {
  return pattern.replace(/\$\{([^}]*)\}/g, (whole, variable: string) => {
    if (variable === "*" || variable === "?" || variable === "$") return variable;
    const [name = "", fallback] = variable.split(",").map((part) => part.trim());
    return context.get(name.toLowerCase())?.[0] ?? fallback?.replace(/^'|'$/g, "") ?? whole;
  });
}

function arnParts(arn: string): string[] {
  const parts = arn.split(":");
  return parts.length < 6 ? [] : [...parts.slice(0, 5), parts.slice(5).join(":")];
}

function instant(value: string): number {
  return /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value);
}

function inNetwork(network: string, address: string): boolean {
  const [base = "", bits] = network.split("/");
  const family = isIP(base);
  if (family === 0 || isIP(address) !== family) return false;
  const kind = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(base, Number(bits ?? (family === 4 ? 32 : 128)), kind);
  return list.check(address, kind);
}
