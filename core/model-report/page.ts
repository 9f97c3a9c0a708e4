import { UpdraftError } from "../errors.ts";
import type { Complex } from "../model/complex.ts";
import { hopf } from "../model/hopf.ts";
import { leaseTrajectory } from "../model/lease-echo.ts";
import type { PoolState } from "../model/parameters.ts";
import { trajectory } from "../model/trajectory.ts";
import { chart, COLOURS, type Chart, type Marks, type Point } from "../plot/chart.ts";
import { linear, logarithmic } from "../plot/scale.ts";
import { picture, write } from "../plot/svg.ts";
import { computable, type ModelReport } from "./report.ts";
import { spell } from "./words.ts";

const WIDTH = 960;
const HEIGHT = 900;
const SAMPLES = 600;
/** No eye sees more in a picture. */
const TOLERANCE = { relative: 1e-5, absolute: 1e-6 };
/** How far around the pool's own point the Hopf curve is drawn, as a factor. */
const REACH = 50;
const CURVE_POINTS = 240;

const SERIES = [
  { key: "queued", name: "X_Q jobs that wait", colour: COLOURS.blue, dashes: undefined },
  { key: "idle", name: "X_I idle machines", colour: COLOURS.green, dashes: "2 3" },
  { key: "busy", name: "X_R busy machines", colour: COLOURS.vermilion, dashes: "9 4" },
] as const;

/** Long enough for a day, and for the lease echo to be seen. */
export const usualRun = (lease: number | null): number => Math.max(24, 4 * (lease ?? 0));

/**
 * One page, as SVG: trajectories from an empty pool over `run` hours, the Hopf curve, and the characteristic roots. Throws
 * `usage` when the run is shorter than the spin-up delay, or rates are too far apart to be computed.
 */
export function reportPage(report: ModelReport, name: string, run: number): string {
  const { spinUpDelay } = report.parameters;
  if (!(run > spinUpDelay)) {
    throw new UpdraftError(
      "usage",
      `a run of ${spell(run)} is over before the first instance joins: the spin-up delay is ${spell(spinUpDelay)}`,
      "Give a longer --run, or a shorter --spin-up-delay.",
    );
  }
  const half = WIDTH / 2;
  return picture({ width: WIDTH, height: HEIGHT }, [
    write(name, { x: 16, y: 28, "font-size": 19, "font-weight": "bold" }),
    chart(trajectories(report, run), { x: 0, y: 44, width: WIDTH, height: 416 }),
    chart(hopfCurve(report), { x: 0, y: 470, width: half, height: 420 }),
    chart(rootChart(report), { x: half, y: 470, width: half, height: 420 }),
  ]);
}

/** The unit in which a run of so many hours reads best. */
function timeUnit(hours: number): { readonly unit: string; readonly perHour: number } {
  if (hours <= 0.1) return { unit: "seconds", perHour: 3600 };
  if (hours <= 3) return { unit: "minutes", perHour: 60 };
  return hours <= 96 ? { unit: "hours", perHour: 1 } : { unit: "days", perHour: 1 / 24 };
}

function trajectories({ parameters, variant, equilibrium, leaseEcho }: ModelReport, run: number): Chart {
  const times = Array.from({ length: SAMPLES + 1 }, (_, i) => (i * run) / SAMPLES);
  const { spinUpDelay, lease } = parameters;
  const empty: PoolState = { queued: 0, idle: 0, busy: 0 };
  const states = computable(() =>
    lease === null
      ? trajectory(
          { parameters, variant, spinUpDelay, ordering: { kind: "continuous" }, initial: empty },
          times,
          TOLERANCE,
        )
      : leaseTrajectory({ parameters, variant, spinUpDelay, lease }, 0, times, TOLERANCE),
  );
  const { unit, perHour } = timeUnit(run);
  const rest = leaseEcho?.equilibrium ?? equilibrium;
  const level = Math.max(...states.flatMap(({ queued, idle, busy }) => [queued, idle, busy]));
  return {
    title: `From an empty pool${lease === null ? "" : `, leases of ${spell(lease)}`}`,
    x: { label: `time (${unit})`, scale: { kind: "linear", from: 0, to: run * perHour } },
    y: { label: "jobs, machines", scale: linear([0, level]) },
    curves: [
      ...SERIES.map(({ key, colour }): Chart["curves"][number] => ({
        colour,
        width: 1,
        dashes: "1 4",
        points: [0, run * perHour].map((time): Point => [time, rest[key]]),
      })),
      ...SERIES.map(({ key, name, colour, dashes }) => ({
        name,
        colour,
        ...(dashes !== undefined && { dashes }),
        width: 2.5,
        points: states.map((state, i): Point => [(times[i] ?? 0) * perHour, state[key]]),
      })),
      { name: "equilibrium of each", colour: COLOURS.grey, width: 1, dashes: "1 4", points: [] },
    ],
  };
}

function hopfCurve({ parameters, variant }: ModelReport): Chart {
  const { spinUpDelay, provisioningRate } = parameters;
  const points: Point[] = [];
  for (let i = 0; i <= CURVE_POINTS; i++) {
    const gain = provisioningRate * REACH ** ((2 * i) / CURVE_POINTS - 1);
    const delay = hopf({ ...parameters, provisioningRate: gain }, variant)?.criticalDelay ?? Number.NaN;
    const near = delay < spinUpDelay * REACH && delay > spinUpDelay / REACH;
    points.push([near ? delay : Number.NaN, gain]);
  }
  const drawn = points.filter(([delay]) => !Number.isNaN(delay));
  const ends = variant.matching === "min" && Number.isNaN(points.at(-1)?.[0]);
  const longest = Math.max(spinUpDelay, ...drawn.map(([delay]) => delay));
  const { unit, perHour } = timeUnit(longest);
  const around = (values: readonly number[], own: number) => logarithmic([...values, own / 2, own * 2]);
  return {
    title: "Where the pool begins to swing",
    x: {
      label: `spin-up delay τ_QI (${unit})`,
      scale: around(
        drawn.map(([delay]) => delay * perHour),
        spinUpDelay * perHour,
      ),
    },
    y: {
      label: "ordering rate σ_QI (1/h)",
      scale: around(
        drawn.map(([, gain]) => gain),
        provisioningRate,
      ),
    },
    curves:
      drawn.length === 0
        ? []
        : [
            {
              name: ends ? "Hopf curve, up to where idle machines abound" : "Hopf curve",
              colour: COLOURS.blue,
              points: points.map(([delay, gain]): Point => [delay * perHour, gain]),
            },
          ],
    marks: [
      {
        name: "this pool",
        colour: COLOURS.vermilion,
        shape: "disc",
        points: [[spinUpDelay * perHour, provisioningRate]],
      },
    ],
    notes:
      drawn.length === 0
        ? [{ text: "no delay near this one makes it swing", at: [0.5, 0.9] }]
        : [
            { text: "settles", at: [0.03, 0.04] },
            { text: "swings", at: [0.97, 0.93] },
          ],
  };
}

/** The part of the plane that decides; what lies further left fades at once. */
function rootChart({ roots, eigenvalues, leaseEcho }: ModelReport): Chart {
  const deciding = [...roots.slice(0, 1), ...(leaseEcho?.roots.slice(0, 3) ?? [])];
  const size = 1.6 * Math.max(...deciding.map(({ re, im }) => Math.max(Math.abs(re), im)));
  const rightmost = Math.max(...deciding.map(({ re }) => re));
  const right = Math.max(0.25 * size, 1.6 * rightmost);
  const marks: Marks[] = [
    { name: "with the delay (PM2)", colour: COLOURS.vermilion, shape: "disc", points: both(roots) },
    { name: "without it (PM1)", colour: COLOURS.blue, shape: "cross", points: both(eigenvalues) },
    { name: "with leases", colour: COLOURS.green, shape: "square", points: both(leaseEcho?.roots ?? []) },
  ];
  const inside = ([re, im]: Point): boolean => re >= -size && Math.abs(im) <= size;
  const outside = marks.some(({ points }) => !points.every(inside));
  const within = marks.map((one) => ({ ...one, points: one.points.filter(inside) }));
  return {
    title: "Characteristic roots",
    x: { label: "growth, real part (1/h)", scale: linear([-size, right]) },
    y: { label: "frequency, imaginary part (rad/h)", scale: linear([-size, size]) },
    curves: [
      {
        colour: "black",
        width: 1,
        points: [
          [0, -2 * size],
          [0, 2 * size],
        ],
      },
    ],
    marks: within,
    shadedFrom: 0,
    notes: [
      { text: "fades", at: [0.03, 0.93] },
      { text: "grows", at: [0.98, 0.93] },
      ...(outside ? [{ text: "further roots lie outside", at: [0.03, 0.04] as const }] : []),
    ],
  };
}

const both = (roots: readonly Complex[]): Point[] =>
  roots.flatMap(({ re, im }): Point[] =>
    im === 0
      ? [[re, 0]]
      : [
          [re, im],
          [re, -im],
        ],
  );
