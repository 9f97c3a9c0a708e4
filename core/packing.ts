/** What a job asks for or a slot has: CPUs, memory in MiB, disk in KiB, GPUs. */
export type Resources = {
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  readonly gpus: number;
};

/** So many jobs that ask for the same. */
export type Shape = Resources & { readonly count: number };

/** How many jobs of these terms the resources hold. */
export function fits(job: Resources, free: Resources): number {
  const most = Math.min(
    times(free.cpus, job.cpus),
    times(free.memory, job.memory),
    times(free.disk, job.disk),
    times(free.gpus, job.gpus),
  );
  // A job that asks for nothing measurable still takes a slot.
  return Number.isFinite(most) ? Math.max(0, most) : 1;
}

function times(free: number, asked: number): number {
  return asked > 0 ? Math.floor(free / asked) : Number.POSITIVE_INFINITY;
}

export function take(free: Resources, job: Resources, count: number): Resources {
  return {
    cpus: free.cpus - job.cpus * count,
    memory: free.memory - job.memory * count,
    disk: free.disk - job.disk * count,
    gpus: free.gpus - job.gpus * count,
  };
}

/** Largest first, which wastes least. */
function bySize(a: Resources, b: Resources): number {
  return b.gpus - a.gpus || b.cpus - a.cpus || b.memory - a.memory || b.disk - a.disk;
}

/** Puts jobs into what is free, in its order. Gives the jobs that are left and how many each place took. */
export function place(
  shapes: readonly Shape[],
  free: readonly Resources[],
): { readonly left: readonly Shape[]; readonly taken: readonly number[] } {
  const rest = [...free];
  const taken = rest.map(() => 0);
  const left: Shape[] = [];
  for (const shape of [...shapes].sort(bySize)) {
    let { count } = shape;
    for (let i = 0; i < rest.length && count > 0; i++) {
      const here = rest[i];
      if (here === undefined) continue;
      const some = Math.min(count, fits(shape, here));
      if (some === 0) continue;
      rest[i] = take(here, shape, some);
      taken[i] = (taken[i] ?? 0) + some;
      count -= some;
    }
    if (count > 0) left.push({ ...shape, count });
  }
  return { left, taken };
}

/** So many machines that have the same left. */
type Alike = { readonly free: Resources; readonly count: number };

/**
 * How many machines of one size hold the jobs, and how many jobs are too large for any: the largest jobs first, each on
 * the first machine that has room. Machines that have the same left are handled as one, and full ones are only counted,
 * so that thousands of shapes take no longer than a look allows.
 */
export function machinesFor(
  shapes: readonly Shape[],
  machine: Resources,
): { readonly machines: number; readonly tooLarge: number } {
  const least = leastAsked(shapes);
  let open: Alike[] = [];
  let machines = 0;
  let tooLarge = 0;
  for (const shape of [...shapes].sort(bySize)) {
    const each = fits(shape, machine);
    if (each === 0) {
      tooLarge += shape.count;
      continue;
    }
    let { count } = shape;
    const left: Alike[] = [];
    const keep = (free: Resources, some: number): void => {
      if (some > 0 && fits(least, free) > 0) left.push({ free, count: some });
    };
    const fill = (free: Resources, most: number, alike: number): void => {
      const full = Math.min(alike, Math.floor(count / most));
      keep(take(free, shape, most), full);
      count -= full * most;
      const rest = full < alike ? count : 0;
      if (rest > 0) keep(take(free, shape, rest), 1);
      count -= rest;
      keep(free, alike - full - (rest > 0 ? 1 : 0));
    };
    for (const one of open) {
      const most = count === 0 ? 0 : fits(shape, one.free);
      if (most === 0) left.push(one);
      else fill(one.free, most, one.count);
    }
    if (count > 0) {
      const more = Math.ceil(count / each);
      machines += more;
      fill(machine, each, more);
    }
    open = left;
  }
  return { machines, tooLarge };
}

/** What every one of the jobs asks for at least, kind by kind. */
function leastAsked(shapes: readonly Shape[]): Resources {
  const least = (kind: keyof Resources): number =>
    shapes.reduce((lowest, shape) => Math.min(lowest, shape[kind]), Number.POSITIVE_INFINITY);
  return { cpus: least("cpus"), memory: least("memory"), disk: least("disk"), gpus: least("gpus") };
}

/** Of jobs by shape, of orders, of whatever is counted by kinds. */
export function total(kinds: readonly { readonly count: number }[]): number {
  return kinds.reduce((sum, { count }) => sum + count, 0);
}
