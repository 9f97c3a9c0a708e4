import assert from "node:assert/strict";
import { test } from "node:test";
import type { Complex } from "../../../core/model/complex.ts";
import { positiveCubicRoots, stableCubicRoots } from "../../../core/model/cubic.ts";
import { eigenvalues } from "../../../core/model/eigenvalues.ts";
import { crossing } from "../../../core/model/solve.ts";
import { distance } from "./goldens.ts";
import { random } from "./simulated-pool.ts";

/** Each expected number is among the found ones, and there are as many. */
function same(found: readonly Complex[], expected: readonly Complex[], error: number): void {
  assert.equal(found.length, expected.length);
  for (const one of expected) {
    const nearest = Math.min(...found.map((other) => distance(one, other)));
    assert.ok(nearest <= error, `${JSON.stringify(one)}: ${nearest}`);
  }
}

const real = (...values: number[]): Complex[] => values.map((re) => ({ re, im: 0 }));

test("eigenvalues of triangular, rotating and defective matrices are the known ones", () => {
  same(eigenvalues([]), [], 0);
  same(eigenvalues([[7]]), real(7), 0);
  same(
    eigenvalues([
      [1, 5, 9],
      [0, 2, 7],
      [0, 0, -3],
    ]),
    real(1, 2, -3),
    1e-13,
  );
  same(
    eigenvalues([
      [0, -2],
      [2, 0],
    ]),
    [
      { re: 0, im: 2 },
      { re: 0, im: -2 },
    ],
    1e-14,
  );
  same(
    eigenvalues([
      [1, 1],
      [0, 1],
    ]),
    real(1, 1),
    1e-7,
  );
  same(
    eigenvalues([
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]),
    real(0, 0, 0),
    0,
  );
});

test("a cyclic permutation, on which plain shifts stand still, has the roots of unity", () => {
  for (const n of [3, 4, 5, 8, 12]) {
    const matrix = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, j) => (j === (i + 1) % n ? 1 : 0)),
    );
    const roots = Array.from({ length: n }, (_, k) => ({
      re: Math.cos((2 * Math.PI * k) / n),
      im: Math.sin((2 * Math.PI * k) / n),
    }));
    same(eigenvalues(matrix), roots, 1e-12);
  }
});

test("a matrix turned by random similarity keeps its eigenvalues, also badly scaled", () => {
  const draw = random(3);
  for (let round = 0; round < 60; round++) {
    const n = 2 + (round % 9);
    const values = Array.from({ length: n }, () => 20 * (draw() - 0.5));
    // Elementary similarities: add a multiple of one row to another, and take it back from the columns.
    let matrix = values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));
    for (let k = 0; k < 2 * n; k++) {
      const i = Math.floor(draw() * n);
      const j = (i + 1 + Math.floor(draw() * (n - 1))) % n;
      const factor = draw() - 0.5;
      matrix = matrix.map((row, r) =>
        r === i ? row.map((value, c) => value + factor * (matrix[j]?.[c] ?? 0)) : row,
      );
      matrix = matrix.map((row) => row.map((value, c) => (c === j ? value - factor * (row[i] ?? 0) : value)));
    }
    const scale = values.map((_, i) => 10 ** ((round % 3) * i));
    const scaled = matrix.map((row, i) => row.map((value, j) => (value * (scale[i] ?? 1)) / (scale[j] ?? 1)));
    same(eigenvalues(scaled), real(...values), 1e-6);
  }
});

test("what is not square or not finite is refused", () => {
  assert.throws(() => eigenvalues([[1, 2]]), { kind: "failed" });
  assert.throws(() => eigenvalues([[Number.NaN]]), { kind: "failed" });
});

test("roots of stable cubics keep all digits however far they are apart", () => {
  for (const [x, y, z] of [
    [1, 2, 3],
    [1e-9, 1, 1e9],
    [1e-9, 2e-9, 1e9],
    [5, 5.1, 1e6],
  ] as const) {
    const [A2, A1, A0] = [x + y + z, x * y + x * z + y * z, x * y * z];
    const hurwitz = (x + y) * (x + z) * (y + z);
    const found = stableCubicRoots(A2, A1, A0, hurwitz).map(({ re }) => -re);
    [x, y, z].forEach((one, i) =>
      assert.ok(Math.abs((found[i] ?? 0) / one - 1) < 1e-6, `${one} ${found[i]}`),
    );
  }
});

test("a slowly decaying fast oscillation stays on the left, where its sum of coefficients would lose it", () => {
  const [x, half, square] = [1e6, 1e-11, 4];
  const B = 2 * half;
  const found = stableCubicRoots(x + B, square + x * B, x * square, B * (square + x * B + x * x));
  const pair = found.filter(({ im }) => im !== 0);
  assert.equal(pair.length, 2);
  for (const { re, im } of pair)
    assert.ok(Math.abs(re / -half - 1) < 1e-9 && Math.abs(Math.abs(im) - 2) < 1e-9);
});

test("a cubic with a positive quadratic term has the positive roots that Descartes allows", () => {
  assert.deepEqual(positiveCubicRoots(1, 1, 1), []);
  assert.deepEqual(positiveCubicRoots(1, -1, 5), []);
  const near = (found: number[], expected: number[]): void => {
    assert.equal(found.length, expected.length);
    expected.forEach((one, i) => assert.ok(Math.abs((found[i] ?? 0) / one - 1) < 1e-12));
  };
  // (z − 1)(z − 2)(z + 5), (z − 1)(z + 2)(z + 3), z (z − 3)(z + 4), (z − 2)(z + 1)(z + 1), z³ + z² − 2.
  near(positiveCubicRoots(2, -13, 10), [1, 2]);
  near(positiveCubicRoots(4, 1, -6), [1]);
  near(positiveCubicRoots(1, -12, 0), [3]);
  near(positiveCubicRoots(0.5, -3.5, -3), [2]);
  near(positiveCubicRoots(1, 0, -2), [1]);
});

test("a crossing that is not within its bounds is no number, but an error", () => {
  assert.ok(Math.abs(crossing((x) => x * x - 2, 1e-9, 10) - Math.SQRT2) < 1e-15);
  assert.throws(() => crossing((x) => x + 1, 1, 2), { kind: "failed" });
  assert.throws(() => crossing(() => Number.NaN, 1, 2), { kind: "failed" });
});
