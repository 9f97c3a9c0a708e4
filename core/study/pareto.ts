import { chart, COLOURS, type Chart, type Curve, type Marks, type Point } from "../plot/chart.ts";
import { linear, logarithmic } from "../plot/scale.ts";
import { picture, write } from "../plot/svg.ts";
import type { Summary } from "./summary.ts";

const WIDTH = 960;
const HEIGHT = 560;
const SHAPES = ["disc", "square", "cross"] as const;
const PALETTE = [COLOURS.vermilion, COLOURS.blue, COLOURS.green, COLOURS.purple, COLOURS.grey] as const;
/** Beyond this ratio of the longest wait to the shortest, the axis is logarithmic. */
const WIDE = 30;
const LEAST_MINUTES = 0.01;

/** A page with a chart for each case: what jobs waited against what machines cost, a mark for each law and value. */
export function paretoPage(title: string, summaries: readonly Summary[]): string {
  const cases = [...Map.groupBy(summaries, (one) => one.case)];
  return picture({ width: WIDTH, height: 44 + HEIGHT * cases.length }, [
    write(title, { x: 16, y: 28, "font-size": 19, "font-weight": "bold" }),
    ...cases.map(([name, group], i) =>
      chart(paretoChart(name, group), { x: 0, y: 44 + HEIGHT * i, width: WIDTH, height: HEIGHT - 10 }),
    ),
  ]);
}

function paretoChart(name: string, given: readonly Summary[]): Chart {
  // What did not serve all jobs cannot be compared.
  const summaries = given.filter(({ unfinished }) => unfinished === 0);
  const priced = summaries.some(({ cost }) => cost !== undefined);
  const paid = (one: Summary): number => (priced ? (one.cost ?? 0) : one.machineHours);
  const waited = (one: Summary): number => Math.max(LEAST_MINUTES, one.waitMinutes.mean);
  const waits = summaries.map(waited);
  const wide = Math.max(...waits) / Math.min(...waits) > WIDE;
  // A law has the same mark in every chart.
  const laws = [...Map.groupBy(given, ({ law }) => law)];
  const pointsOf = (group: readonly Summary[]): Point[] =>
    group.filter(({ unfinished }) => unfinished === 0).map((one) => [waited(one), paid(one)]);
  const colourOf = (i: number): string => PALETTE[i % PALETTE.length] ?? COLOURS.grey;
  const marks = laws.map(([law, group], i): Marks => ({
    name: law + valuesOf(group),
    colour: colourOf(i),
    shape: SHAPES[Math.floor(i / PALETTE.length) % SHAPES.length] ?? "cross",
    points: pointsOf(group),
  }));
  const curves = laws.flatMap(([, group], i): Curve[] =>
    group.length < 2 ? [] : [{ colour: colourOf(i), width: 1, points: pointsOf(group) }],
  );
  return {
    title: name === "recorded" ? "Recorded jobs" : `Scenario ${name}`,
    x: { label: "mean wait of a job (minutes)", scale: wide ? logarithmic(waits) : linear([0, ...waits]) },
    y: { label: priced ? "cost (USD)" : "machine-hours", scale: linear(summaries.map(paid)) },
    curves,
    marks,
    notes: [{ text: "better: left and down", at: [0.02, 0.04] }],
  };
}

function valuesOf(group: readonly Summary[]): string {
  const values = group.flatMap(({ waitValue }) => waitValue ?? []);
  return values.length < 2 ? "" : ` (wait value ${values.join(", ")})`;
}
