import type { Complex } from "../model/complex.ts";
import { LARGEST_GAIN } from "../model/hopf.ts";
import { SYMBOLS } from "../model/parameters.ts";
import { formatDuration } from "../time.ts";
import { RATES } from "./inputs.ts";
import type { ModelReport } from "./report.ts";

/** What the report says to whoever runs the pool, one sentence a line. */
export function reportWords(report: ModelReport): string[] {
  return [
    settling(report),
    delay(report),
    gain(report),
    inFlight(report),
    ...lease(report),
    ...certainty(report),
  ];
}

function settling({ stability, roots, leaseEcho }: ModelReport): string {
  const pool = leaseEcho === null ? "The pool" : "As far as the spin-up delay goes, the pool";
  const [root = { re: Number.NaN, im: 0 }] = roots;
  const waves = root.im > 0 ? `, in waves of ${spell((2 * Math.PI) / root.im)}` : "";
  const half = spell(Math.LN2 / Math.abs(root.re));
  return stability === "stable"
    ? `${pool} settles${waves}: after any disturbance, half of what is left of it is gone every ${half}.`
    : `${pool} swings${waves}: the smallest disturbance grows, and doubles every ${half}.`;
}

function delay({ stability, hopf, parameters }: ModelReport): string {
  const now = spell(parameters.spinUpDelay);
  if (hopf === null) return `No spin-up delay makes it swing; it is ${now}.`;
  const critical = spell(hopf.criticalDelay);
  const ratio = short(hopf.criticalDelay / parameters.spinUpDelay);
  return stability === "stable"
    ? `It would begin to swing, in waves of ${spell(hopf.period)}, if instances took ${critical} from order to joining; they take ${now} (margin ${ratio}).`
    : `It settles only while instances take less than ${critical} from order to joining; they take ${now} (margin ${ratio}).`;
}

function gain({ margin: { criticalGain }, parameters, variant }: ModelReport): string {
  const now = `it is ${short(parameters.provisioningRate)}`;
  return criticalGain === null && variant.matching === "min"
    ? `At this delay no ordering rate makes it swing, because more orders would let idle machines outnumber the jobs that wait; ${now}.`
    : criticalGain === null
      ? `At this delay no ordering rate up to ${LARGEST_GAIN} machines per hour and queued job makes it swing; ${now}.`
      : `At this delay it begins to swing at an ordering rate of ${short(criticalGain)} machines per hour and queued job; ${now}.`;
}

function inFlight({ inFlightCriticalDelay }: ModelReport): string {
  const orders = "If orders counted the machines that are idle or on their way, it would";
  return inFlightCriticalDelay === null
    ? `${orders} settle at any delay up to a hundred job lengths.`
    : `${orders} settle up to a delay of ${spell(inFlightCriticalDelay)}.`;
}

function lease({ leaseEcho, parameters }: ModelReport): string[] {
  if (leaseEcho === null || parameters.lease === null) return [];
  const { period, growthRate, growthPerWave, stability, roots } = leaseEcho;
  const stable = stability === "stable";
  const fate = stable ? "the pool settles all the same" : "the pool swings";
  const leases = `Machines that were ordered together end together after ${spell(parameters.lease)}`;
  const wave =
    period === null || growthPerWave === null
      ? `${leases}, but no wave of that length stands out; ${fate}.`
      : `${leases}, so a wave of orders comes back every ${spell(period)}, each ${change(growthPerWave)} than the one before; ${fate}.`;
  const [first] = roots;
  if (first === undefined || first.im === 0 || first.re === growthRate) return [wave];
  const others = `waves of ${spell((2 * Math.PI) / first.im)}`;
  const height = change(Math.exp(first.re * parameters.lease));
  return [
    wave,
    `The ${stable ? "slowest to fade" : "fastest to grow"} are ${others}: a lease later they are ${height}.`,
  ];
}

/** A factor, as what it makes of a height. */
function change(factor: number): string {
  const percent = `${short(Number((Math.abs(factor - 1) * 100).toPrecision(2)))} %`;
  return `${percent} ${factor < 1 ? "lower" : "higher"}`;
}

function certainty({ verdict }: ModelReport): string[] {
  if (verdict === null) return [];
  return verdict.stability === "undetermined"
    ? [`The estimates do not decide it: ${verdict.reason ?? "they are too wide"}.`]
    : [`All values within the intervals of the estimates are ${verdict.stability}.`];
}

/** The parameters, with their symbols and where each is from. */
export function parameterTable({ parameters, from }: ModelReport): string[][] {
  const rows = RATES.map((name) => [name, SYMBOLS[name], `${short(parameters[name])} /h`, from[name] ?? ""]);
  const times = [
    ["spinUpDelay", "τ_QI", parameters.spinUpDelay] as const,
    ...(parameters.lease === null ? [] : [["lease", "L", parameters.lease] as const]),
  ];
  return [
    ["PARAMETER", "SYMBOL", "VALUE", "FROM"],
    ...rows,
    ...times.map(([name, symbol, hours]) => [name, symbol, spell(hours), from[name] ?? ""]),
  ];
}

/** Every number of the report. */
export function resultTable(report: ModelReport): string[][] {
  const { equilibrium, hopf, margin, leaseEcho } = report;
  const none = "none";
  const optional = (value: number | null, write: (value: number) => string): string =>
    value === null ? none : write(value);
  const hourly = (value: number): string => `${short(value)} /h`;
  return [
    ["RESULT", "VALUE"],
    ["equilibrium: jobs that wait (X_Q)", short(equilibrium.queued)],
    ["equilibrium: idle machines (X_I)", short(equilibrium.idle)],
    ["equilibrium: busy machines (X_R)", short(equilibrium.busy)],
    ["stability", report.stability],
    ["rightmost roots with the delay (PM2)", rootsText(report.roots)],
    ["eigenvalues without the delay (PM1)", rootsText(report.eigenvalues.filter(({ im }) => im >= 0))],
    ["critical delay (Hopf point)", optional(hopf?.criticalDelay ?? null, spell)],
    ["period at the Hopf point", optional(hopf?.period ?? null, spell)],
    ["margin: critical delay / delay", optional(margin.delayRatio, short)],
    ["critical ordering rate (gain)", optional(margin.criticalGain, hourly)],
    ["critical delay, in-flight counted", optional(report.inFlightCriticalDelay, spell)],
    ...(leaseEcho === null
      ? []
      : [
          ["with leases: jobs that wait, idle, busy", pool(leaseEcho.equilibrium)],
          ["with leases: stability", leaseEcho.stability],
          ["with leases: rightmost roots", rootsText(leaseEcho.roots)],
          ["lease echo: period", optional(leaseEcho.period, spell)],
          ["lease echo: growth", optional(leaseEcho.growthRate, hourly)],
          ["lease echo: height by the wave before", optional(leaseEcho.growthPerWave, short)],
        ]),
  ];
}

const pool = ({ queued, idle, busy }: ModelReport["equilibrium"]): string =>
  [queued, idle, busy].map(short).join(", ");

/** More than these say nothing to a reader; JSON has the others. */
const SHOWN = 3;

function rootsText(roots: readonly Complex[]): string {
  const texts = roots
    .slice(0, SHOWN)
    .map(({ re, im }) => (im === 0 ? short(re) : `${short(re)} ± ${short(im)}i`));
  return `${texts.join(", ")} /h`;
}

/** Four digits, and no power of ten where none is needed. */
export function short(value: number): string {
  return value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));
}

/** Hours as a duration, as precise as anybody needs it. */
export function spell(hours: number): string {
  const seconds = hours * 3600;
  if (seconds < 60) return `${short(Number(seconds.toPrecision(3)))}s`;
  const grain = seconds < 3600 ? 1 : seconds < 172_800 ? 60 : 3600;
  const text = formatDuration(Math.round(seconds / grain) * grain);
  return seconds < 1e9 ? text : `${short(hours / 24)}d`;
}
