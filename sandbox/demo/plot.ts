import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { chart, COLOURS, type Point } from "../../core/plot/chart.ts";
import { linear } from "../../core/plot/scale.ts";
import { picture } from "../../core/plot/svg.ts";
import type { Sample } from "./observe.ts";

const SERIES = [
  { name: "X_Q idle jobs", colour: COLOURS.blue, value: (sample: Sample) => sample.queued },
  { name: "X_I idle slots", colour: COLOURS.green, value: (sample: Sample) => sample.idle, dashes: "2 3" },
  {
    name: "X_R busy slots",
    colour: COLOURS.vermilion,
    value: (sample: Sample) => sample.busy,
    dashes: "9 4",
  },
  { name: "instances in flight", colour: COLOURS.purple, value: (sample: Sample) => sample.inFlight },
];
const SIZE = { width: 900, height: 440 };

/** Writes the samples as an SVG picture: queue, idle, busy and in flight over time. */
export async function writePlot(path: string, title: string, samples: readonly Sample[]): Promise<void> {
  const curves = SERIES.map(({ value, ...series }) => ({
    ...series,
    steps: true,
    points: samples.map((sample): Point => [sample.at, value(sample)]),
  }));
  const drawn = chart(
    {
      title,
      x: { label: "seconds", scale: linear([0, ...samples.map(({ at }) => at)], 10) },
      y: { label: "count", scale: linear([0, ...curves.flatMap(({ points }) => points.map(([, y]) => y))]) },
      curves,
    },
    { x: 0, y: 8, width: SIZE.width, height: SIZE.height - 8 },
  );
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, picture(SIZE, [drawn]));
}
