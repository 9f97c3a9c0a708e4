import { UpdraftError } from "../../../core/errors.ts";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** What references may refer to while a template is worked on. */
export type Scope = {
  parameters: Record<string, Json>;
  conditions: Record<string, boolean>;
  resources: Record<string, { ref: string; attributes: Record<string, string> }>;
  pseudo: Record<string, string>;
};

const NO_VALUE = Symbol("AWS::NoValue");
type Resolved = Json | typeof NO_VALUE;

export function templateError(message: string): UpdraftError {
  return new UpdraftError("config", message, "correct the template");
}

/** The value with every intrinsic function worked out; undefined for AWS::NoValue. */
export function resolve(value: Json, scope: Scope): Json | undefined {
  const resolved = work(value, scope);
  return resolved === NO_VALUE ? undefined : resolved;
}

function work(value: Json, scope: Scope): Resolved {
  if (Array.isArray(value))
    return value.map((entry) => work(entry, scope)).filter((entry) => entry !== NO_VALUE);
  if (typeof value !== "object" || value === null) return value;
  const call = asCall(value);
  if (call !== undefined) return apply(call.name, call.argument, scope);
  const out: { [name: string]: Json } = {};
  for (const [name, entry] of Object.entries(value)) {
    const resolved = work(entry, scope);
    if (resolved !== NO_VALUE) out[name] = resolved;
  }
  return out;
}

/** An intrinsic function stands alone in its object. `Condition` is one only where conditions are. */
export function asCall(value: { [name: string]: Json }): { name: string; argument: Json } | undefined {
  const [name, ...others] = Object.keys(value);
  if (name === undefined || others.length > 0) return undefined;
  return name === "Ref" || name.startsWith("Fn::") ? { name, argument: value[name] as Json } : undefined;
}

function apply(name: string, argument: Json, scope: Scope): Resolved {
  switch (name) {
    case "Ref":
      return reference(string(argument, name), scope);
    case "Fn::GetAtt":
      return attribute(argument, scope);
    case "Fn::Sub":
      return substitute(argument, scope);
    case "Fn::Join": {
      const [separator, parts] = pair(argument, name);
      return array(work(parts, scope), name)
        .map((part) => string(part, name))
        .join(string(separator, name));
    }
    case "Fn::Split": {
      const [separator, text] = pair(argument, name);
      return string(work(text, scope), name).split(string(separator, name));
    }
    case "Fn::Select": {
      const [index, entries] = pair(argument, name);
      const chosen = array(work(entries, scope), name)[Number(string(work(index, scope), name))];
      if (chosen === undefined) throw templateError("Template error: Fn::Select cannot select that index");
      return chosen;
    }
    case "Fn::Base64":
      return Buffer.from(string(work(argument, scope), name)).toString("base64");
    case "Fn::If": {
      const [condition, yes, no, ...rest] = array(argument, name);
      if (yes === undefined || no === undefined || rest.length > 0)
        throw templateError("Template error: Fn::If takes a condition and two values");
      return work(conditionOf(string(condition ?? null, name), scope.conditions) ? yes : no, scope);
    }
    default:
      throw templateError(`Template error: the sandbox does not know ${name} here`);
  }
}

function reference(name: string, scope: Scope): Resolved {
  if (name === "AWS::NoValue") return NO_VALUE;
  const found = scope.pseudo[name] ?? scope.parameters[name] ?? scope.resources[name]?.ref;
  if (found === undefined)
    throw templateError(`Template format error: Unresolved resource dependencies [${name}]`);
  return found;
}

function attribute(argument: Json, scope: Scope): string {
  const path = typeof argument === "string" ? argument : array(argument, "Fn::GetAtt").join(".");
  const [logicalId = "", ...rest] = path.split(".");
  const value = scope.resources[logicalId]?.attributes[rest.join(".")];
  if (value === undefined)
    throw templateError(
      `Template error: resource ${logicalId} does not have the attribute ${rest.join(".")}`,
    );
  return value;
}

function substitute(argument: Json, scope: Scope): string {
  const [text, own] = typeof argument === "string" ? [argument, {}] : pair(argument, "Fn::Sub");
  const values = record(own, "Fn::Sub");
  return string(text, "Fn::Sub").replace(/\$\{(!?)([^}]*)\}/g, (_, literal: string, name: string) => {
    if (literal === "!") return `\${${name}}`;
    const key = name.trim();
    const given = values[key];
    if (given !== undefined) return string(work(given, scope), "Fn::Sub");
    return key.includes(".") ? attribute(key, scope) : string(reference(key, scope), "Fn::Sub");
  });
}

/** Truth of every condition of a template, each worked out when another needs it. */
export function conditions(
  declared: Record<string, Json>,
  scope: Omit<Scope, "conditions">,
): Record<string, boolean> {
  const known: Record<string, boolean> = {};
  const underWay = new Set<string>();
  const truth = (name: string): boolean => {
    const done = known[name];
    if (done !== undefined) return done;
    const expression = declared[name];
    if (expression === undefined) throw templateError(`Template error: no condition ${name}`);
    if (underWay.has(name)) throw templateError(`Template error: condition ${name} depends on itself`);
    underWay.add(name);
    return (known[name] = judge(expression));
  };
  const judge = (expression: Json): boolean => {
    const [name, ...others] = Object.keys(record(expression, "Condition"));
    const argument = record(expression, "Condition")[name ?? ""];
    if (name === undefined || others.length > 0 || argument === undefined)
      throw templateError("Template error: a condition is one function");
    switch (name) {
      case "Condition":
        return truth(string(argument, name));
      case "Fn::Equals": {
        const [left, right] = pair(argument, name);
        const plain = { ...scope, conditions: {} };
        return string(work(left, plain), name) === string(work(right, plain), name);
      }
      case "Fn::Not":
        return !judge(array(argument, name)[0] ?? null);
      case "Fn::And":
        return array(argument, name).every(judge);
      case "Fn::Or":
        return array(argument, name).some(judge);
      default:
        throw templateError(`Template error: ${name} is no condition function`);
    }
  };
  for (const name of Object.keys(declared)) truth(name);
  return known;
}

export function conditionOf(name: string, known: Record<string, boolean>): boolean {
  const truth = known[name];
  if (truth === undefined)
    throw templateError(`Template format error: Unresolved condition dependency ${name}`);
  return truth;
}

/** Names that a value refers to by Ref, GetAtt and Sub. */
export function referencesIn(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== "object" || value === null) return [];
  const call = asCall(value);
  if (call === undefined) return Object.values(value).flatMap(referencesIn);
  const { name, argument } = call;
  if (name === "Ref") return typeof argument === "string" ? [argument] : [];
  if (name === "Fn::GetAtt") {
    const path = Array.isArray(argument) ? argument[0] : argument;
    return typeof path === "string" ? [path.split(".")[0] ?? ""] : [];
  }
  if (name !== "Fn::Sub") return referencesIn(argument);
  const [text, own] = Array.isArray(argument) ? [argument[0], argument[1] ?? {}] : [argument, {}];
  const bound = Object.keys(typeof own === "object" && own !== null ? own : {});
  const named = [...String(text ?? "").matchAll(/\$\{(?!!)([^}.]*)[^}]*\}/g)].map(([, n]) =>
    (n ?? "").trim(),
  );
  return [...named.filter((n) => !bound.includes(n)), ...referencesIn(own)];
}

function string(value: Resolved, name: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw templateError(`Template error: every ${name} value must be a string`);
}

function array(value: Resolved, name: string): Json[] {
  if (Array.isArray(value)) return value;
  throw templateError(`Template error: ${name} takes a list`);
}

function pair(value: Json, name: string): [Json, Json] {
  const [first, second, ...rest] = array(value, name);
  if (first === undefined || second === undefined || rest.length > 0)
    throw templateError(`Template error: ${name} takes two arguments`);
  return [first, second];
}

function record(value: Json, name: string): { [name: string]: Json } {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw templateError(`Template error: ${name} takes an object`);
}
