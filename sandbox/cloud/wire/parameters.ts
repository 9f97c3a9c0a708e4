/** What a caller sent, whatever the protocol: text (numbers and booleans too, in the query protocols), lists and records. */
export type Value =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Value[]
  | { readonly [name: string]: Value };
export type Parameters = { readonly [name: string]: Value };

type Tree = { [name: string]: string | Tree };

/** Turns `TagSpecification.1.Tag.1.Key=x` (and `Tags.member.1.Key`) into records and lists. */
export function nested(form: URLSearchParams): Parameters {
  const root: Tree = Object.create(null) as Tree;
  for (const [name, value] of form) {
    const path = name.split(".");
    const last = path.pop() as string;
    let node = root;
    for (const part of path) {
      const next = node[part];
      if (typeof next === "object") node = next;
      else node = node[part] = Object.create(null) as Tree;
    }
    node[last] = value;
  }
  return lists(root) as Parameters;
}

function lists(node: string | Tree): Value {
  if (typeof node === "string") return node;
  const member = node["member"];
  if (typeof member === "object" && Object.keys(node).length === 1) return lists(member);
  const names = Object.keys(node);
  if (names.length > 0 && names.every((name) => /^\d+$/.test(name)))
    return names.sort((a, b) => Number(a) - Number(b)).map((name) => lists(node[name] as string | Tree));
  return Object.fromEntries(names.map((name) => [name, lists(node[name] as string | Tree)]));
}

export function text(value: Value): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

export function list(value: Value): readonly Value[] {
  return Array.isArray(value) ? value : [];
}

export function texts(value: Value): string[] {
  return list(value).flatMap((entry) => text(entry) ?? []);
}

export function record(value: Value): Parameters {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Parameters) : {};
}

export function flag(value: Value): boolean {
  return value === true || value === "true";
}

/** Tags as `[{Key, Value}]` or, as some services want them, a plain record. */
export function tagsOf(value: Value): Record<string, string> {
  const tags: Record<string, string> = {};
  if (Array.isArray(value)) {
    for (const tag of value.map(record)) {
      const key = text(tag["Key"] ?? tag["key"]);
      if (key !== undefined) tags[key] = text(tag["Value"] ?? tag["value"]) ?? "";
    }
  } else for (const [key, entry] of Object.entries(record(value))) tags[key] = text(entry) ?? "";
  return tags;
}
