export type Box = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

type Attributes = Readonly<Record<string, string | number>>;

/** Hundredths of a pixel are finer than any screen. */
export const round = (value: number): number => Math.round(value * 100) / 100;

const ESCAPED: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string): string => text.replace(/[&<>"]/g, (one) => ESCAPED[one] as string);

export function element(
  name: string,
  attributes: Attributes,
  content: string | readonly string[] = "",
): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escape(value)}"`,
  );
  const inside = typeof content === "string" ? content : content.join("\n");
  return inside === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${inside}</${name}>`;
}

export const box = (place: Box, attributes: Attributes = {}): string =>
  element("rect", { ...place, ...attributes });

export const write = (text: string, attributes: Attributes): string =>
  element("text", attributes, escape(text));

/** A whole picture, white behind, that scales to the width of its page. */
export function picture(
  size: { readonly width: number; readonly height: number },
  content: readonly string[],
): string {
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    ...size,
    viewBox: `0 0 ${size.width} ${size.height}`,
    "font-family": "DejaVu Sans, Verdana, Helvetica, sans-serif",
    "font-size": 14,
  };
  const parts = [box({ x: 0, y: 0, ...size }, { fill: "white" }), ...content].filter((part) => part !== "");
  return `${element("svg", attributes, parts)}\n`;
}
