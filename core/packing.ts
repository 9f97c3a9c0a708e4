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

/** How many machines of one size hold the jobs, and how many jobs are too large for any. */
export function machinesFor(
  shapes: readonly Shape[],
  machine: Resources,
): { readonly machines: number; readonly tooLarge: number } {
  const rest: Resources[] = [];
  let tooLarge = 0;
  for (const shape of [...shapes].sort(bySize)) {
    const each = fits(shape, machine);
    if (each === 0) {
      tooLarge += shape.count;
      continue;
    }
    let { count } = shape;
    for (let i = 0; i < rest.length && count > 0; i++) {
      const here = rest[i];
      if (here === undefined) continue;
      const some = Math.min(count, fits(shape, here));
      rest[i] = take(here, shape, some);
      count -= some;
    }
    while (count > 0) {
      const some = Math.min(count, each);
      rest.push(take(machine, shape, some));
      count -= some;
    }
  }
  return { machines: rest.length, tooLarge };
}

export function total(shapes: readonly Shape[]): number {
  return shapes.reduce((sum, shape) => sum + shape.count, 0);
}
