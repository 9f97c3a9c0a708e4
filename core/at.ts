/** An element that is known to be there, as the index comes from the array's own length. */
export function at<T>(values: ArrayLike<T>, index: number): T {
  return values[index] as T;
}
