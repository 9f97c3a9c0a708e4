type JobId = { readonly cluster: number; readonly proc: number };

/** Jobs that `condor_q -group-by` counts as one: how many, and the first and the last of them. */
export type JobIds = { readonly count: number; readonly first: JobId; readonly last: JobId };

/** Of an ad's `JobCount` and `JobIds`, such as `3.4` or `3.4 ... 3.43`; undefined when it does not say. */
export function jobIds(count: number, text: string): JobIds | undefined {
  const found = [...text.matchAll(/(\d+)\.(\d+)/g)].map(([, cluster, proc]) => ({
    cluster: Number(cluster),
    proc: Number(proc),
  }));
  const [first] = found;
  const last = found.at(-1);
  return first === undefined || last === undefined ? undefined : { count, first, last };
}

/** Whether none of these jobs is known to lie outside of those: how many they are, the first and the last of them tell. */
export function mayBeAmong(some: readonly JobIds[], those: JobIds): boolean {
  const isWithin = (id: JobId): boolean => compare(those.first, id) <= 0 && compare(id, those.last) <= 0;
  return some.reduce((sum, { count }) => sum + count, 0) <= those.count && endsOf(some).every(isWithin);
}

const compare = (one: JobId, other: JobId): number => one.cluster - other.cluster || one.proc - other.proc;

/**
 * A job that is among both, as far as first and last tell: what lies between them is known only where they leave no gap.
 * So one may be missed, and none is ever made up.
 */
export function inBoth(some: readonly JobIds[], others: readonly JobIds[]): string | undefined {
  const found = endAmong(some, others) ?? endAmong(others, some);
  return found === undefined ? undefined : idText(found);
}

function endAmong(some: readonly JobIds[], others: readonly JobIds[]): JobId | undefined {
  const ends = new Set(endsOf(others).map(idText));
  const whole = others.filter(isWhole);
  return endsOf(some).find((id) => ends.has(idText(id)) || whole.some((ids) => holds(ids, id)));
}

const endsOf = (all: readonly JobIds[]): JobId[] => all.flatMap(({ first, last }) => [first, last]);

const idText = ({ cluster, proc }: JobId): string => `${cluster}.${proc}`;

const isWhole = ({ count, first, last }: JobIds): boolean =>
  first.cluster === last.cluster && last.proc - first.proc + 1 === count;

const holds = ({ first, last }: JobIds, { cluster, proc }: JobId): boolean =>
  cluster === first.cluster && proc >= first.proc && proc <= last.proc;
