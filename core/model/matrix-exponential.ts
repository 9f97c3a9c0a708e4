import { entry } from "./entries.ts";

/** e^(A t) of a small real matrix: Taylor's series after halving, then squaring. */
export function matrixExponential(matrix: readonly (readonly number[])[], time: number): number[][] {
  const norm = Math.max(...matrix.map((row) => row.reduce((sum, value) => sum + Math.abs(value * time), 0)));
  const squarings = norm > 0.25 ? Math.ceil(Math.log2(4 * norm)) : 0;
  const scaled = matrix.map((row) => row.map((value) => (value * time) / 2 ** squarings));
  let result = identity(matrix.length);
  // 16 terms leave less than 1e-24 of a matrix of norm 1/4.
  for (let term = 16; term > 0; term--)
    result = sum(
      identity(matrix.length),
      product(scaled, result).map((row) => row.map((v) => v / term)),
    );
  for (let i = 0; i < squarings; i++) result = product(result, result);
  return result;
}

const identity = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));

const sum = (a: readonly number[][], b: readonly number[][]): number[][] =>
  a.map((row, i) => row.map((value, j) => value + entry(b, i, j)));

const product = (a: readonly number[][], b: readonly number[][]): number[][] =>
  a.map((row) => row.map((_, j) => row.reduce((total, value, k) => total + value * entry(b, k, j), 0)));
