import { at } from "../at.ts";
import type { Resources } from "../packing.ts";
import type { Workload } from "./workload.ts";

/** Jobs that are alike to the negotiator and belong to one user: what a claim can be reused for. */
export type Cluster = {
  readonly id: number;
  readonly request: Resources;
  readonly requestIndex: number;
  readonly group: number;
  /** Waiting ones in order of submission, from `head`. */
  waiting: number[];
  head: number;
};

/** The schedd's idle jobs, first come first served across users. */
export type JobQueue = {
  readonly clusters: readonly Cluster[];
  /** Idle jobs. */
  readonly idle: number;
  /** Idle jobs by request. */
  readonly idleByRequest: readonly number[];
  add(job: number): Cluster;
  /** An evicted job goes back to its place by submission. */
  putBack(job: number, cluster: number): void;
  /** Takes the first job of a cluster. */
  take(cluster: Cluster): number;
  first(cluster: Cluster): number | undefined;
  /** Jobs that are idle at the end. */
  left(): number[];
};

export function jobQueue({ request, owner, requests, submitted }: Workload): JobQueue {
  const clusters: Cluster[] = [];
  const byKey = new Map<number, Cluster>();
  const idleByRequest = requests.map(() => 0);
  let idle = 0;

  const clusterOf = (job: number): Cluster => {
    const requestIndex = at(request, job);
    const key = at(owner, job) * requests.length + requestIndex;
    const found = byKey.get(key);
    if (found !== undefined) return found;
    const asked = requests[requestIndex];
    if (asked === undefined) throw new Error(`job ${job} asks for nothing known`);
    const made = {
      id: clusters.length,
      request: asked,
      requestIndex,
      group: at(owner, job),
      waiting: [],
      head: 0,
    };
    byKey.set(key, made);
    clusters.push(made);
    return made;
  };
  const count = (cluster: Cluster, by: number): void => {
    idle += by;
    idleByRequest[cluster.requestIndex] = at(idleByRequest, cluster.requestIndex) + by;
  };

  return {
    clusters,
    idleByRequest,
    get idle() {
      return idle;
    },
    add(job) {
      const cluster = clusterOf(job);
      cluster.waiting.push(job);
      count(cluster, 1);
      return cluster;
    },
    putBack(job, id) {
      const cluster = clusters[id];
      if (cluster === undefined) throw new Error(`there is no cluster ${id}`);
      const came = at(submitted, job);
      let place = cluster.head;
      while (place < cluster.waiting.length && at(submitted, at(cluster.waiting, place)) <= came) place++;
      cluster.waiting.splice(place, 0, job);
      count(cluster, 1);
    },
    take(cluster) {
      const job = cluster.waiting[cluster.head];
      if (job === undefined) throw new Error("the cluster has no idle job");
      cluster.head++;
      // What has started is forgotten now and then, so that a long run does not keep it.
      if (cluster.head > 1024 && cluster.head * 2 > cluster.waiting.length) {
        cluster.waiting = cluster.waiting.slice(cluster.head);
        cluster.head = 0;
      }
      count(cluster, -1);
      return job;
    },
    first: (cluster) => cluster.waiting[cluster.head],
    left: () => clusters.flatMap(({ waiting, head }) => waiting.slice(head)),
  };
}
