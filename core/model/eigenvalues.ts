import { UpdraftError } from "../errors.ts";
import type { Complex } from "./complex.ts";

/**
 * Eigenvalues of a real square matrix in no particular order: balancing, Hessenberg form by elimination, then the
 * double-shift QR iteration of Francis, as in EISPACK's balanc, elmhes and hqr. Throws `failed` when it does not converge.
 */
export function eigenvalues(matrix: readonly (readonly number[])[]): Complex[] {
  const h = matrix.map((row) => Float64Array.from(row));
  if (h.some((row) => row.length !== h.length || !row.every(Number.isFinite)))
    throw new UpdraftError(
      "failed",
      "a matrix of the model is not square or not finite",
      "Check the rates: their ratios are too large.",
    );
  balance(h);
  reduce(h);
  return francis(h);
}

type Rows = Float64Array[];

const at = (h: Rows, i: number, j: number): number => h[i]?.[j] ?? 0;
const put = (h: Rows, i: number, j: number, value: number): void => {
  const row = h[i];
  if (row !== undefined) row[j] = value;
};

/** Scales rows and columns by powers of two until their norms are close, which keeps every digit. */
function balance(h: Rows): void {
  const n = h.length;
  for (let done = false; !done;) {
    done = true;
    for (let i = 0; i < n; i++) {
      let [column, row] = [0, 0];
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        column += Math.abs(at(h, j, i));
        row += Math.abs(at(h, i, j));
      }
      if (column === 0 || row === 0) continue;
      const factor = 2 ** Math.round(Math.log2(row / column) / 2);
      if ((column * factor + row / factor) / (column + row) >= 0.95) continue;
      done = false;
      for (let j = 0; j < n; j++) {
        put(h, i, j, at(h, i, j) / factor);
        put(h, j, i, at(h, j, i) * factor);
      }
    }
  }
}

function reduce(h: Rows): void {
  const n = h.length;
  for (let m = 1; m < n - 1; m++) {
    let pivot = m;
    for (let i = m + 1; i < n; i++) if (Math.abs(at(h, i, m - 1)) > Math.abs(at(h, pivot, m - 1))) pivot = i;
    const [upper, lower] = [h[m], h[pivot]];
    if (upper === undefined || lower === undefined || lower[m - 1] === 0) continue;
    if (pivot !== m) {
      [h[m], h[pivot]] = [lower, upper];
      for (const row of h) [row[m], row[pivot]] = [row[pivot] ?? 0, row[m] ?? 0];
    }
    for (let i = m + 1; i < n; i++) {
      const factor = at(h, i, m - 1) / at(h, m, m - 1);
      if (factor === 0) continue;
      put(h, i, m - 1, 0);
      for (let j = m; j < n; j++) put(h, i, j, at(h, i, j) - factor * at(h, m, j));
      for (const row of h) row[m] = (row[m] ?? 0) + factor * (row[i] ?? 0);
    }
  }
}

function francis(h: Rows): Complex[] {
  const roots: Complex[] = [];
  const norm = h.reduce((sum, row) => row.reduce((part, value) => part + Math.abs(value), sum), 0);
  let last = h.length - 1;
  let shift = 0;
  let iterations = 0;
  while (last >= 0) {
    const first = splitAt(h, last, norm);
    if (first === last) {
      roots.push({ re: at(h, last, last) + shift, im: 0 });
      last -= 1;
      iterations = 0;
    } else if (first === last - 1) {
      roots.push(...pair(h, last, shift));
      last -= 2;
      iterations = 0;
    } else {
      if (iterations === 60)
        throw new UpdraftError(
          "failed",
          "the eigenvalues of the model did not converge",
          "Check the rates: their ratios are too large.",
        );
      let x = at(h, last, last);
      let y = at(h, last - 1, last - 1);
      let w = at(h, last, last - 1) * at(h, last - 1, last);
      if (iterations % 10 === 9) {
        // An exceptional shift breaks cycles.
        shift += x;
        for (let i = 0; i <= last; i++) put(h, i, i, at(h, i, i) - x);
        const s = Math.abs(at(h, last, last - 1)) + Math.abs(at(h, last - 1, last - 2));
        [x, y, w] = [0.75 * s, 0.75 * s, -0.4375 * s * s];
      }
      iterations += 1;
      sweep(h, first, last, x, y, w);
    }
  }
  return roots;
}

/** First row of the block at the bottom that no longer couples to what is above. */
function splitAt(h: Rows, last: number, norm: number): number {
  for (let l = last; l > 0; l--) {
    const size = Math.abs(at(h, l - 1, l - 1)) + Math.abs(at(h, l, l)) || norm;
    if (Math.abs(at(h, l, l - 1)) <= Number.EPSILON * size) {
      put(h, l, l - 1, 0);
      return l;
    }
  }
  return 0;
}

/** The two eigenvalues of the 2 × 2 block that ends at `last`. */
function pair(h: Rows, last: number, shift: number): Complex[] {
  const x = at(h, last, last) + shift;
  const half = (at(h, last - 1, last - 1) + shift - x) / 2;
  const product = at(h, last, last - 1) * at(h, last - 1, last);
  const q = half * half + product;
  const root = Math.sqrt(Math.abs(q));
  if (q < 0)
    return [
      { re: x + half, im: root },
      { re: x + half, im: -root },
    ];
  const far = half + (half < 0 ? -root : root);
  return [
    { re: x + far, im: 0 },
    { re: far === 0 ? x : x - product / far, im: 0 },
  ];
}

/** One double QR step on rows `first` to `last` with the shifts' sum and product given by x, y and w. */
function sweep(h: Rows, first: number, last: number, x: number, y: number, w: number): void {
  let [p, q, r] = [0, 0, 0];
  let m = last - 2;
  for (; ; m--) {
    const z = at(h, m, m);
    const [dx, dy] = [x - z, y - z];
    p = (dx * dy - w) / at(h, m + 1, m) + at(h, m, m + 1);
    q = at(h, m + 1, m + 1) - z - dx - dy;
    r = at(h, m + 2, m + 1);
    const size = Math.abs(p) + Math.abs(q) + Math.abs(r);
    [p, q, r] = [p / size, q / size, r / size];
    if (m === first) break;
    const left = Math.abs(at(h, m, m - 1)) * (Math.abs(q) + Math.abs(r));
    const right = Math.abs(p) * (Math.abs(at(h, m - 1, m - 1)) + Math.abs(z) + Math.abs(at(h, m + 1, m + 1)));
    if (left <= Number.EPSILON * right) break;
  }
  for (let i = m + 2; i <= last; i++) {
    put(h, i, i - 2, 0);
    if (i > m + 2) put(h, i, i - 3, 0);
  }
  for (let k = m; k < last; k++) {
    const three = k !== last - 1;
    let size = 1;
    if (k !== m) {
      [p, q, r] = [at(h, k, k - 1), at(h, k + 1, k - 1), three ? at(h, k + 2, k - 1) : 0];
      size = Math.abs(p) + Math.abs(q) + Math.abs(r);
      if (size === 0) continue;
      [p, q, r] = [p / size, q / size, r / size];
    }
    const s = (p < 0 ? -1 : 1) * Math.hypot(p, q, r);
    if (k !== m) put(h, k, k - 1, -s * size);
    else if (first !== m) put(h, k, k - 1, -at(h, k, k - 1));
    p += s;
    reflect(h, k, last, three, { x: p / s, y: q / s, z: r / s, q: q / p, r: r / p });
  }
}

type Reflection = {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly q: number;
  readonly r: number;
};

function reflect(h: Rows, k: number, last: number, three: boolean, { x, y, z, q, r }: Reflection): void {
  const [first, second, third] = [h[k], h[k + 1], h[k + 2]];
  if (first === undefined || second === undefined) return;
  for (let j = k; j <= last; j++) {
    let sum = (first[j] ?? 0) + q * (second[j] ?? 0);
    if (three && third !== undefined) {
      sum += r * (third[j] ?? 0);
      third[j] = (third[j] ?? 0) - sum * z;
    }
    second[j] = (second[j] ?? 0) - sum * y;
    first[j] = (first[j] ?? 0) - sum * x;
  }
  const bottom = Math.min(last, k + 3);
  for (let i = 0; i <= bottom; i++) {
    const row = h[i];
    if (row === undefined) continue;
    let sum = x * (row[k] ?? 0) + y * (row[k + 1] ?? 0);
    if (three) {
      sum += z * (row[k + 2] ?? 0);
      row[k + 2] = (row[k + 2] ?? 0) - sum * r;
    }
    row[k + 1] = (row[k + 1] ?? 0) - sum * q;
    row[k] = (row[k] ?? 0) - sum;
  }
}
