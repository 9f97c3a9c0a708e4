import { at } from "../at.ts";
import type { Resources } from "../packing.ts";

/** One job as a trace or a history has it. Seconds; the times' origin is free. */
export type TraceJob = {
  readonly submitted: number;
  readonly runSeconds: number;
  readonly request: Resources;
  readonly owner: string;
};

/** Jobs in order of submission, the first at time 0, in columns: a history may have millions. */
export type Workload = {
  readonly count: number;
  readonly submitted: Float64Array;
  readonly runSeconds: Float64Array;
  /** Index into `requests`. */
  readonly request: Int32Array;
  /** Index into `owners`. */
  readonly owner: Int32Array;
  readonly requests: readonly Resources[];
  readonly owners: readonly string[];
};

/** `origin` is time 0; the first submission when it is not given. */
export function workload(jobs: readonly TraceJob[], origin?: number): Workload {
  const builder = workloadBuilder();
  for (const job of jobs) builder.add(job);
  return builder.build(origin);
}

/** For jobs that come one by one and in any order. */
export function workloadBuilder(): { add(job: TraceJob): void; build(origin?: number): Workload } {
  const submitted: number[] = [];
  const runSeconds: number[] = [];
  const request: number[] = [];
  const owner: number[] = [];
  const requests = index<Resources>(({ cpus, memory, disk, gpus }) => `${cpus} ${memory} ${disk} ${gpus}`);
  const owners = index<string>((name) => name);
  return {
    add(job) {
      submitted.push(job.submitted);
      runSeconds.push(job.runSeconds);
      request.push(requests.of(job.request));
      owner.push(owners.of(job.owner));
    },
    build(origin) {
      const order = Int32Array.from(submitted.keys()).sort(
        (a, b) => at(submitted, a) - at(submitted, b) || a - b,
      );
      const first = origin ?? at(submitted, at(order, 0));
      const column = (values: readonly number[], i: number): number => at(values, at(order, i));
      return {
        count: order.length,
        submitted: Float64Array.from(order, (_, i) => column(submitted, i) - first),
        runSeconds: Float64Array.from(order, (_, i) => column(runSeconds, i)),
        request: Int32Array.from(order, (_, i) => column(request, i)),
        owner: Int32Array.from(order, (_, i) => column(owner, i)),
        requests: requests.values,
        owners: owners.values,
      };
    },
  };
}

/** The jobs of the last so many seconds, from time 0 again. */
export function latest(jobs: Workload, seconds: number): Workload {
  const end = at(jobs.submitted, jobs.count - 1);
  let first = 0;
  while (first < jobs.count && at(jobs.submitted, first) < end - seconds) first++;
  const origin = first < jobs.count ? at(jobs.submitted, first) : 0;
  return {
    ...jobs,
    count: jobs.count - first,
    submitted: jobs.submitted.subarray(first).map((time) => time - origin),
    runSeconds: jobs.runSeconds.slice(first),
    request: jobs.request.slice(first),
    owner: jobs.owner.slice(first),
  };
}

function index<T>(key: (value: T) => string): { of(value: T): number; readonly values: T[] } {
  const values: T[] = [];
  const known = new Map<string, number>();
  return {
    values,
    of(value) {
      const found = known.get(key(value));
      if (found !== undefined) return found;
      known.set(key(value), values.length);
      return values.push(value) - 1;
    },
  };
}

/** Core-hours of the jobs. */
export function coreHours({ count, runSeconds, request, requests }: Workload): number {
  let seconds = 0;
  for (let i = 0; i < count; i++) seconds += at(runSeconds, i) * at(requests, at(request, i)).cpus;
  return seconds / 3600;
}
