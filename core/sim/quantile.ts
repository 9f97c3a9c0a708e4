/** By nearest rank; 0 of nothing. */
export function quantileOf(
  sorted: { readonly length: number; readonly [i: number]: number },
  share: number,
): number {
  const i = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1));
  return sorted[i] ?? 0;
}
