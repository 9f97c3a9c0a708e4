import { position, tickLabel, ticks, type Scale } from "./scale.ts";
import { box, element, round, write, type Box } from "./svg.ts";

/** Colours that people with any colour vision tell apart (Okabe and Ito). */
export const COLOURS = {
  blue: "#0072b2",
  vermilion: "#d55e00",
  green: "#009e73",
  purple: "#cc79a7",
  grey: "#666666",
} as const;

export type Point = readonly [x: number, y: number];

export type Curve = {
  /** As the legend names it; a curve without a name is in no legend. */
  readonly name?: string;
  readonly colour: string;
  /** As SVG's stroke-dasharray. */
  readonly dashes?: string;
  readonly width?: number;
  /** Each value holds until the next. */
  readonly steps?: boolean;
  readonly points: readonly Point[];
};

export type Marks = {
  readonly name: string;
  readonly colour: string;
  readonly shape: "disc" | "cross" | "square";
  readonly points: readonly Point[];
};

export type Axis = { readonly label: string; readonly scale: Scale };

export type Chart = {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly curves: readonly Curve[];
  readonly marks?: readonly Marks[];
  /** What lies beyond this value of x is shaded. */
  readonly shadedFrom?: number;
  /** Words within the frame, at shares of its width and height from the lower left corner. */
  readonly notes?: readonly { readonly text: string; readonly at: Point }[];
};

const FONT = 14;
const LINE = 20;
/** Room around the frame for title, legend, tick labels and labels of the axes. */
const MARGIN = { left: 70, right: 16, title: 26, bottom: 50 };

/** One chart within a box: title and legend above, the frame with its grid, axes with their units. */
export function chart(given: Chart, place: Box): string {
  const entries = legend(given, place.width - MARGIN.left - MARGIN.right);
  const top = MARGIN.title + LINE * entries.rows + 6;
  const frame: Box = {
    x: place.x + MARGIN.left,
    y: place.y + top,
    width: place.width - MARGIN.left - MARGIN.right,
    height: place.height - top - MARGIN.bottom,
  };
  const x = (value: number): number => frame.x + frame.width * position(given.x.scale, value);
  const y = (value: number): number => frame.y + frame.height * (1 - position(given.y.scale, value));
  const clip = `frame-${round(place.x)}-${round(place.y)}`;
  return [
    write(given.title, { x: frame.x, y: place.y + 18, "font-weight": "bold", "font-size": FONT + 2 }),
    entries.draw(frame.x, place.y + MARGIN.title),
    element("clipPath", { id: clip }, box(frame)),
    shading(given, frame, x),
    axes(given, frame, x, y),
    element("g", { "clip-path": `url(#${clip})` }, [
      ...given.curves.map((curve) => line(curve, x, y)),
      ...(given.marks ?? []).flatMap((marks) => marks.points.map(([px, py]) => symbol(marks, x(px), y(py)))),
    ]),
    box(frame, { fill: "none", stroke: "black" }),
    ...(given.notes ?? []).map(({ text, at: [right, up] }) =>
      write(text, {
        x: frame.x + right * frame.width,
        y: frame.y + (1 - up) * frame.height,
        "text-anchor": right > 0.6 ? "end" : right < 0.4 ? "start" : "middle",
        "font-style": "italic",
        fill: COLOURS.grey,
      }),
    ),
  ].join("\n");
}

function shading({ shadedFrom, x: { scale } }: Chart, frame: Box, x: (value: number) => number): string {
  if (shadedFrom === undefined || shadedFrom >= scale.to) return "";
  const left = Math.max(frame.x, x(shadedFrom));
  return box({ ...frame, x: left, width: frame.x + frame.width - left }, { fill: "#f6e3d7" });
}

function axes(given: Chart, frame: Box, x: (value: number) => number, y: (value: number) => number): string {
  const bottom = frame.y + frame.height;
  const right = frame.x + frame.width;
  const grid = { stroke: "#dddddd" };
  return [
    ...ticks(given.x.scale, frame.width > 500 ? 10 : 5).flatMap((tick) => [
      element("line", { x1: x(tick), x2: x(tick), y1: frame.y, y2: bottom, ...grid }),
      write(tickLabel(tick), { x: x(tick), y: bottom + 18, "text-anchor": "middle" }),
    ]),
    ...ticks(given.y.scale).flatMap((tick) => [
      element("line", { x1: frame.x, x2: right, y1: y(tick), y2: y(tick), ...grid }),
      write(tickLabel(tick), { x: frame.x - 8, y: y(tick) + 5, "text-anchor": "end" }),
    ]),
    write(given.x.label, { x: frame.x + frame.width / 2, y: bottom + 40, "text-anchor": "middle" }),
    write(given.y.label, {
      "text-anchor": "middle",
      transform: `translate(${round(frame.x - 54)} ${round(frame.y + frame.height / 2)}) rotate(-90)`,
    }),
  ].join("\n");
}

/** A point that is no number interrupts the curve. */
function line(curve: Curve, x: (value: number) => number, y: (value: number) => number): string {
  let pen = "M";
  let path = "";
  for (const [px, py] of curve.points) {
    const [right, down] = [x(px), y(py)];
    if (!Number.isFinite(right) || !Number.isFinite(down)) pen = "M";
    else {
      if (pen === "L" && curve.steps === true) path += `H${round(right)}V${round(down)}`;
      else path += `${pen}${round(right)} ${round(down)}`;
      pen = "L";
    }
  }
  return element("path", { d: path, ...stroke(curve) });
}

function stroke({ colour, dashes, width = 2 }: Curve): Record<string, string | number> {
  return {
    fill: "none",
    stroke: colour,
    "stroke-width": width,
    ...(dashes !== undefined && { "stroke-dasharray": dashes }),
  };
}

function symbol({ shape, colour }: Marks, x: number, y: number): string {
  if (shape === "disc") return element("circle", { cx: x, cy: y, r: 5, fill: colour });
  if (shape === "square")
    return box(
      { x: x - 4.5, y: y - 4.5, width: 9, height: 9 },
      { fill: "none", stroke: colour, "stroke-width": 2 },
    );
  const [left, top] = [round(x - 5), round(y - 5)];
  return element("path", {
    d: `M${left} ${top}l10 10m0 -10l-10 10`,
    fill: "none",
    stroke: colour,
    "stroke-width": 2,
  });
}

/** What one name takes beside its sample; no font is at hand to measure it with. */
const widthOf = (name: string): number => 44 + name.length * FONT * 0.56;

function legend(
  { curves, marks = [] }: Chart,
  width: number,
): { readonly rows: number; draw(x: number, y: number): string } {
  const entries = [
    ...curves.flatMap((curve) =>
      curve.name === undefined ? [] : [{ name: curve.name, colour: curve.colour, curve }],
    ),
    ...marks.flatMap((one) => (one.points.length === 0 ? [] : [{ name: one.name, colour: one.colour, one }])),
  ];
  let [row, column] = [0, 0];
  const placed = entries.map((entry) => {
    if (column > 0 && column + widthOf(entry.name) > width) [row, column] = [row + 1, 0];
    const found = { entry, row, column };
    column += widthOf(entry.name);
    return found;
  });
  return {
    rows: entries.length === 0 ? 0 : row + 1,
    draw: (x, y) =>
      placed
        .map(({ entry, row, column }) => {
          const [left, middle] = [x + column, y + row * LINE + 8];
          const sample =
            "curve" in entry
              ? element("line", { x1: left, x2: left + 26, y1: middle, y2: middle, ...stroke(entry.curve) })
              : symbol(entry.one, left + 13, middle);
          return sample + write(entry.name, { x: left + 32, y: middle + 5, fill: entry.colour });
        })
        .join("\n"),
  };
}
