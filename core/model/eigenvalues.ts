import { UpdraftError } from "../errors.ts";
import type { Complex } from "./complex.ts";
import { at, entry } from "./entries.ts";

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

const put = (h: Rows, i: number, j: number, value: number): void => {
  (h[i] as Float64Array)[j] = value;
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
        column += Math.abs(entry(h, j, i));
        row += Math.abs(entry(h, i, j));
      }
      if (column === 0 || row === 0) continue;
      const factor = 2 ** Math.round(Math.log2(row / column) / 2);
      if ((column * factor + row / factor) / (column + row) >= 0.95) continue;
      done = false;
      for (let j = 0; j < n; j++) {
        put(h, i, j, entry(h, i, j) / factor);
        put(h, j, i, entry(h, j, i) * factor);
      }
    }
  }
}

function reduce(h: Rows): void {
  const n = h.length;
  for (let m = 1; m < n - 1; m++) {
    let pivot = m;
    for (let i = m + 1; i < n; i++)
      if (Math.abs(entry(h, i, m - 1)) > Math.abs(entry(h, pivot, m - 1))) pivot = i;
    if (entry(h, pivot, m - 1) === 0) continue;
    if (pivot !== m) {
      [h[m], h[pivot]] = [h[pivot] as Float64Array, h[m] as Float64Array];
      for (const row of h) [row[m], row[pivot]] = [at(row, pivot), at(row, m)];
    }
    for (let i = m + 1; i < n; i++) {
      const factor = entry(h, i, m - 1) / entry(h, m, m - 1);
      if (factor === 0) continue;
      put(h, i, m - 1, 0);
      for (let j = m; j < n; j++) put(h, i, j, entry(h, i, j) - factor * entry(h, m, j));
      for (const row of h) row[m] = at(row, m) + factor * at(row, i);
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
      roots.push({ re: entry(h, last, last) + shift, im: 0 });
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
      let x = entry(h, last, last);
      let y = entry(h, last - 1, last - 1);
      let w = entry(h, last, last - 1) * entry(h, last - 1, last);
      if (iterations % 10 === 9) {
        // An exceptional shift breaks cycles.
        shift += x;
        for (let i = 0; i <= last; i++) put(h, i, i, entry(h, i, i) - x);
        const s = Math.abs(entry(h, last, last - 1)) + Math.abs(entry(h, last - 1, last - 2));
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
    const size = Math.abs(entry(h, l - 1, l - 1)) + Math.abs(entry(h, l, l)) || norm;
    if (Math.abs(entry(h, l, l - 1)) <= Number.EPSILON * size) {
      put(h, l, l - 1, 0);
      return l;
    }
  }
  return 0;
}

/** The two eigenvalues of the 2 × 2 block that ends at `last`. */
function pair(h: Rows, last: number, shift: number): Complex[] {
  const x = entry(h, last, last) + shift;
  const half = (entry(h, last - 1, last - 1) + shift - x) / 2;
  const product = entry(h, last, last - 1) * entry(h, last - 1, last);
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
    const z = entry(h, m, m);
    const [dx, dy] = [x - z, y - z];
    p = (dx * dy - w) / entry(h, m + 1, m) + entry(h, m, m + 1);
    q = entry(h, m + 1, m + 1) - z - dx - dy;
    r = entry(h, m + 2, m + 1);
    const size = Math.abs(p) + Math.abs(q) + Math.abs(r);
    [p, q, r] = [p / size, q / size, r / size];
    if (m === first) break;
    const left = Math.abs(entry(h, m, m - 1)) * (Math.abs(q) + Math.abs(r));
    const right =
      Math.abs(p) * (Math.abs(entry(h, m - 1, m - 1)) + Math.abs(z) + Math.abs(entry(h, m + 1, m + 1)));
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
      [p, q, r] = [entry(h, k, k - 1), entry(h, k + 1, k - 1), three ? entry(h, k + 2, k - 1) : 0];
      size = Math.abs(p) + Math.abs(q) + Math.abs(r);
      if (size === 0) continue;
      [p, q, r] = [p / size, q / size, r / size];
    }
    const s = (p < 0 ? -1 : 1) * Math.hypot(p, q, r);
    if (k !== m) put(h, k, k - 1, -s * size);
    else if (first !== m) put(h, k, k - 1, -entry(h, k, k - 1));
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
  const [first, second, third] = h.slice(k, k + 3) as [Float64Array, Float64Array, Float64Array];
  for (let j = k; j <= last; j++) {
    let sum = at(first, j) + q * at(second, j);
    if (three) {
      sum += r * at(third, j);
      third[j] = at(third, j) - sum * z;
    }
    second[j] = at(second, j) - sum * y;
    first[j] = at(first, j) - sum * x;
  }
  const bottom = Math.min(last, k + 3);
  for (const row of h.slice(0, bottom + 1)) {
    let sum = x * at(row, k) + y * at(row, k + 1);
    if (three) {
      sum += z * at(row, k + 2);
      row[k + 2] = at(row, k + 2) - sum * r;
    }
    row[k + 1] = at(row, k + 1) - sum * q;
    row[k] = at(row, k) - sum;
  }
}
