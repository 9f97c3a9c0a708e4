import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sample } from "./observe.ts";

const SERIES: readonly { name: string; colour: string; value: (sample: Sample) => number }[] = [
  { name: "X_Q idle jobs", colour: "#4269d0", value: (sample) => sample.queued },
  { name: "X_I idle slots", colour: "#3ca951", value: (sample) => sample.idle },
  { name: "X_R busy slots", colour: "#ff725c", value: (sample) => sample.busy },
  { name: "instances in flight", colour: "#a463f2", value: (sample) => sample.inFlight },
];
const LINE_HEIGHT = 16;

/** Writes the samples as an SVG picture: queue, idle, busy and in flight over time. */
export async function writePlot(path: string, title: string, samples: readonly Sample[]): Promise<void> {
  // Loaded only here: the rest of the story shall not wait for it.
  const [{ plot, line, ruleY, text }, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  const { document } = parseHTML("<html></html>");
  const picture = plot({
    document,
    width: 900,
    height: 440,
    marginLeft: 50,
    marginTop: 50,
    style: { background: "white", color: "black", fontSize: "12px" },
    x: { label: "seconds", grid: true },
    y: { label: "count", grid: true },
    marks: [
      ruleY([0]),
      text([title], { frameAnchor: "top-left", dx: 40, dy: -40, fontSize: 15, fontWeight: "bold" }),
      ...SERIES.flatMap(({ name, colour, value }, row) => [
        line(samples, { x: "at", y: value, stroke: colour, curve: "step-after", strokeWidth: 2 }),
        // A legend of Plot's own would be HTML beside the picture.
        text([name], { frameAnchor: "top-right", dy: row * LINE_HEIGHT, fill: colour, fontWeight: "bold" }),
      ]),
    ],
  });
  picture.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${picture.outerHTML}\n`);
}
