import { at } from "./entries.ts";

/** The value of one component of the state at an earlier time, in hours. */
export type Past = (component: number, time: number) => number;

/** One accepted step: its start, its length, and five coefficients of dense output per component. */
type Segment = { readonly start: number; readonly length: number; readonly coefficients: Float64Array };

export type History = {
  readonly add: (start: number, length: number, coefficients: Float64Array) => void;
  readonly past: Past;
};

/** Remembers the solution for `memory` hours; before time 0 it is what `before` says. */
export function history(memory: number, before: (component: number) => number): History {
  let segments: Segment[] = [];
  let hint = 0;
  let tidyAt = 8192;
  const find = (time: number): Segment | undefined => {
    const holds = (segment: Segment | undefined): boolean =>
      segment !== undefined && segment.start <= time && time <= segment.start + segment.length;
    // Lookups walk forward with the solution.
    for (let i = hint; i < Math.min(hint + 3, segments.length); i++)
      if (holds(segments[i])) return segments[(hint = i)];
    let [low, high] = [0, segments.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((segments[middle] as Segment).start <= time) low = middle;
      else high = middle - 1;
    }
    hint = low;
    return segments[low];
  };
  return {
    add(start, length, coefficients) {
      segments.push({ start, length, coefficients });
      if (segments.length < tidyAt) return;
      segments = segments.filter((segment) => segment.start + segment.length >= start - memory);
      tidyAt = Math.max(8192, 2 * segments.length);
      hint = 0;
    },
    past(component, time) {
      const segment = time < 0 ? undefined : find(time);
      if (segment === undefined) return before(component);
      return interpolate(segment.coefficients, component, (time - segment.start) / segment.length);
    },
  };
}

/** Dense output of Dormand and Prince's 5(4) at a share of the step (Hairer, Nørsett and Wanner, II.6). */
export function interpolate(coefficients: Float64Array, component: number, share: number): number {
  const i = 5 * component;
  const rest = 1 - share;
  const last = at(coefficients, i + 3) + rest * at(coefficients, i + 4);
  const middle = at(coefficients, i + 1) + rest * (at(coefficients, i + 2) + share * last);
  return at(coefficients, i) + share * middle;
}
