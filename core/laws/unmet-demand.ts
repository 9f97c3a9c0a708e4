/**
 * The first law: order what the jobs that nothing else would take need, less what is on its way. Whole instances.
 * Counting what is in flight is what keeps it from ordering the same demand again every minute.
 */
export function unmetDemand(p: { readonly needed: number; readonly inFlight: number }): number {
  return Math.max(0, p.needed - p.inFlight);
}
