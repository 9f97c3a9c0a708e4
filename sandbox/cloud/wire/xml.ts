/** Undefined is left out, a list repeats its element, an object nests. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml };

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function escapeXml(value: string): string {
  // oxlint-disable-next-line no-control-regex -- XML cannot carry these at all
  return value.replace(/[&<>"]/g, (c) => ESCAPES[c] as string).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, "");
}

export function xml(name: string, content: Xml, attributes = ""): string {
  if (content === undefined) return "";
  if (Array.isArray(content)) return content.map((entry: Xml) => xml(name, entry)).join("");
  const inner =
    typeof content === "object"
      ? Object.entries(content)
          .map(([child, value]) => xml(child, value as Xml))
          .join("")
      : escapeXml(String(content));
  return `<${name}${attributes}>${inner}</${name}>`;
}

/** A list as the EC2 protocol writes it. */
export function items(entries: readonly Xml[]): Xml {
  return { item: entries };
}

/** A list as the query protocol writes it. */
export function members(entries: readonly Xml[]): Xml {
  return { member: entries };
}
