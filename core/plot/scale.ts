/** How values lie along an axis. A logarithmic one needs positive ends. */
export type Scale = { readonly kind: "linear" | "log"; readonly from: number; readonly to: number };

/** Where a value lies: 0 at the scale's beginning, 1 at its end. */
export function position({ kind, from, to }: Scale, value: number): number {
  if (kind === "linear") return (value - from) / (to - from);
  return (Math.log10(value) - Math.log10(from)) / (Math.log10(to) - Math.log10(from));
}

/** A scale that begins and ends at round numbers, around all these values. */
export function linear(values: readonly number[], intervals = 5): Scale {
  const [low, high] = extent(values);
  const step = roundStep((high - low || Math.abs(high) || 1) / intervals);
  const from = Math.floor(low / step + 1e-9) * step;
  const to = Math.ceil(high / step - 1e-9) * step;
  return { kind: "linear", from, to: to > from ? to : from + step };
}

/** A logarithmic scale that begins and ends at 1, 2 or 5 times a power of ten, around all these positive values. */
export function logarithmic(values: readonly number[]): Scale {
  const [low, high] = extent(values);
  const from = Math.max(...stepsAround(low).filter((step) => step <= low * (1 + 1e-9)));
  const to = roundStep(high);
  return { kind: "log", from, to: to > from ? to : from * 10 };
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}

function stepsAround(value: number): number[] {
  const decade = Math.floor(Math.log10(value));
  return [decade, decade + 1].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
}

/** 1, 2 or 5 times a power of ten, the next above. */
function roundStep(least: number): number {
  return Math.min(...stepsAround(least).filter((step) => step >= least * (1 - 1e-9)));
}

/** Round numbers within the scale, about as many as asked for. */
export function ticks(scale: Scale, intervals = 5): number[] {
  const { kind, from, to } = scale;
  if (kind === "linear") {
    const step = roundStep((to - from) / intervals);
    const first = Math.ceil(from / step - 1e-9);
    const count = Math.floor(to / step + 1e-9) - first + 1;
    return Array.from({ length: count }, (_, i) => (first + i) * step);
  }
  const decades = Math.log10(to / from);
  const digits = decades <= 2.5 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / 8));
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    if (power % every !== 0) continue;
    for (const digit of digits) {
      const tick = digit * 10 ** power;
      if (tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9)) found.push(tick);
    }
  }
  return found;
}

/** A tick as it is written beside the axis, with a true minus. */
export function tickLabel(tick: number): string {
  const short = Number(tick.toPrecision(10));
  const size = Math.abs(short);
  const text = size !== 0 && (size >= 1e6 || size < 1e-4) ? short.toExponential() : String(short);
  return text.replace("e+", "e").replaceAll("-", "−");
}
