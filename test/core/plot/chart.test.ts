import assert from "node:assert/strict";
import { test } from "node:test";
import { chart, COLOURS, type Chart } from "../../../core/plot/chart.ts";
import { picture } from "../../../core/plot/svg.ts";

const CHART: Chart = {
  title: "Jobs & machines",
  x: { label: "time (hours)", scale: { kind: "linear", from: 0, to: 10 } },
  y: { label: "machines", scale: { kind: "linear", from: 0, to: 100 } },
  curves: [
    {
      name: "busy",
      colour: COLOURS.blue,
      dashes: "2 3",
      points: [
        [0, 0],
        [5, 100],
        [6, Number.NaN],
        [7, 50],
        [10, 50],
      ],
    },
    { colour: COLOURS.grey, width: 1, points: [] },
  ],
};
const PLACE = { x: 0, y: 0, width: 286, height: 302 };

test("a point lies where its axes say, and one that is no number interrupts the curve", () => {
  // The frame is 200 wide, and 200 high below a title and one row of legend.
  const drawn = chart(CHART, PLACE);
  assert.match(drawn, /<rect x="70" y="52" width="200" height="200" fill="none" stroke="black"\/>/);
  assert.ok(drawn.includes('d="M70 252L170 52M210 152L270 152"'), drawn);
});

test("a curve in steps holds each value until the next", () => {
  const curves = CHART.curves.map((curve) => ({ ...curve, steps: true }));
  assert.ok(chart({ ...CHART, curves }, PLACE).includes('d="M70 252H170V52M210 152H270V152"'));
});

test("axes, curves and marks are named, and texts are escaped", () => {
  const drawn = chart(
    {
      ...CHART,
      marks: [
        { name: "discs", colour: COLOURS.green, shape: "disc", points: [[5, 50]] },
        { name: "crosses", colour: COLOURS.green, shape: "cross", points: [[5, 50]] },
        { name: "squares", colour: COLOURS.green, shape: "square", points: [[5, 50]] },
        { name: "of nothing", colour: COLOURS.green, shape: "square", points: [] },
      ],
      notes: [
        { text: "left", at: [0, 0] },
        { text: "middle", at: [0.5, 0] },
        { text: "right", at: [1, 1] },
      ],
    },
    PLACE,
  );
  const texts = [...drawn.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
  for (const text of [
    "Jobs &amp; machines",
    "time (hours)",
    "machines",
    "busy",
    "discs",
    "crosses",
    "squares",
  ])
    assert.ok(texts.includes(text), text);
  assert.ok(!texts.includes("of nothing"));
  for (const anchor of ["start", "middle", "end"]) assert.ok(drawn.includes(`text-anchor="${anchor}"`));
  // A circle in the frame and one in the legend.
  assert.equal([...drawn.matchAll(/<circle /g)].length, 2);
});

test("what does not fit into a row of the legend goes to the next, and the frame makes room", () => {
  const names = ["a long name of a curve", "another long name"];
  const curves = names.map((name) => ({ name, colour: "black", points: [] }));
  assert.match(chart({ ...CHART, curves }, PLACE), /<rect x="70" y="72" width="200" height="180"/);
  assert.match(chart({ ...CHART, curves: [] }, PLACE), /<rect x="70" y="32" width="200" height="220"/);
});

test("a part of the frame is shaded, from its edge at most", () => {
  const shaded = (from: number): string | undefined =>
    /<rect [^>]*fill="#f6e3d7"\/>/.exec(chart({ ...CHART, shadedFrom: from }, PLACE))?.[0];
  assert.match(shaded(5) ?? "", /x="170" y="52" width="100"/);
  assert.match(shaded(-5) ?? "", /x="70" y="52" width="200"/);
  assert.equal(shaded(10), undefined);
});

test("a picture is one document that scales to its page", () => {
  const drawn = picture({ width: 300, height: 200 }, [chart(CHART, PLACE), ""]);
  assert.match(
    drawn,
    /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="300" height="200" viewBox="0 0 300 200"/,
  );
  assert.match(drawn, /<\/svg>\n$/);
  assert.doesNotMatch(drawn, /NaN|Infinity|undefined/);
});
