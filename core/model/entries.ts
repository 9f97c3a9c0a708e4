/** An entry that is known to be there; the compiler cannot know it of an index. */
export const at = (values: ArrayLike<number>, i: number): number => values[i] as number;

/** An entry of a matrix that is known to be there. */
export const entry = (rows: readonly ArrayLike<number>[], i: number, j: number): number =>
  at(rows[i] as ArrayLike<number>, j);

/** Adds to an entry of a matrix that is known to be there. */
export function add(rows: readonly number[][], i: number, j: number, value: number): void {
  const row = rows[i] as number[];
  row[j] = at(row, j) + value;
}

/** A square matrix of zeros. */
export const zeros = (size: number): number[][] =>
  Array.from({ length: size }, () => Array.from({ length: size }, () => 0));
