/** How many jobs each user has running on the annex. */
export type RunningJobs = ReadonlyMap<string, number>;

export function runningJobs(
  slots: readonly { readonly state: string; readonly user?: string | undefined }[],
): RunningJobs {
  const running = new Map<string, number>();
  for (const { state, user } of slots) {
    if (state === "Claimed" && user !== undefined) running.set(user, (running.get(user) ?? 0) + 1);
  }
  return running;
}

/**
 * Those of the jobs, in their order, that leave no user more than so many on the annex, what runs there included. A job
 * whose user nobody knows counts as of one user with all others of that kind.
 */
export function withinOwnerLimit<T extends { readonly user?: string | undefined; readonly count: number }>(
  jobs: readonly T[],
  running: RunningJobs,
  most: number | undefined,
): T[] {
  if (most === undefined) return [...jobs];
  const counts = new Map(running);
  return jobs.flatMap((some) => {
    const { user = "" } = some;
    const before = counts.get(user) ?? 0;
    const count = Math.max(0, Math.min(some.count, most - before));
    counts.set(user, before + count);
    return count === 0 ? [] : [{ ...some, count }];
  });
}
