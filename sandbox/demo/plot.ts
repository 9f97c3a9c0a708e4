import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { chart, COLOURS, type Point } from "../../core/plot/chart.ts";
import { linear } from "../../core/plot/scale.ts";
import { picture, type Box } from "../../core/plot/svg.ts";
import type { Sample } from "./observe.ts";

/** What is drawn of a sample. */
export type Counts = Pick<Sample, "at" | "queued" | "idle" | "busy" | "inFlight">;

const SERIES = [
  { name: "X_Q idle jobs", colour: COLOURS.blue, value: (sample: Counts) => sample.queued },
  { name: "X_I idle slots", colour: COLOURS.green, value: (sample: Counts) => sample.idle, dashes: "2 3" },
  {
    name: "X_R busy slots",
    colour: COLOURS.vermilion,
    value: (sample: Counts) => sample.busy,
    dashes: "9 4",
  },
  { name: "instances in flight", colour: COLOURS.purple, value: (sample: Counts) => sample.inFlight },
];
const SIZE = { width: 900, height: 440 };

/** Queue, idle, busy and in flight over time; the axes hold all samples of `within`, so that charts can be compared. */
export function sampleChart(
  title: string,
  samples: readonly Counts[],
  within: readonly Counts[],
  place: Box,
): string {
  const counts = within.flatMap((sample) => SERIES.map(({ value }) => value(sample)));
  return chart(
    {
      title,
      x: { label: "seconds", scale: linear([0, ...within.map(({ at }) => at)], 10) },
      y: { label: "count", scale: linear([0, ...counts]) },
      curves: SERIES.map(({ value, ...series }) => ({
        ...series,
        steps: true,
        points: samples.map((sample): Point => [sample.at, value(sample)]),
      })),
    },
    place,
  );
}

/** Writes the samples as an SVG picture. */
export async function writePlot(path: string, title: string, samples: readonly Sample[]): Promise<void> {
  const drawn = sampleChart(title, samples, samples, {
    x: 0,
    y: 8,
    width: SIZE.width,
    height: SIZE.height - 8,
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, picture(SIZE, [drawn]));
}
