import { accepts, holds, type SimMachine } from "./machines.ts";
import type { Cluster, JobQueue } from "./queue.ts";

/**
 * One negotiation cycle: first come first served over users; a cluster that found no machine is not asked again.
 * A job goes to the fullest machine that holds it (as NEGOTIATOR_PRE_JOB_RANK has it), among equals to the one that was
 * busy last.
 */
export function negotiate(
  queue: JobQueue,
  machines: readonly SimMachine[],
  now: number,
  refuseSeconds: number,
  start: (machine: SimMachine, cluster: Cluster) => void,
): void {
  if (queue.idle === 0) return;
  const open = machines.filter((one) => one.free.cpus > 0 && accepts(one, now, refuseSeconds));
  if (open.length === 0) return;
  open.sort(
    (a, b) =>
      a.free.cpus - b.free.cpus ||
      (b.idleSince ?? now) - (a.idleSince ?? now) ||
      b.leaseEnd - a.leaseEnd ||
      a.id - b.id,
  );
  // Machines only fill up during a cycle: what did not hold a request holds it no more.
  const reached = new Map<number, number>();
  const asking = queue.clusters.filter((one) => queue.first(one) !== undefined);
  while (asking.length > 0) {
    const next = earliest(asking, queue);
    const cluster = asking[next];
    if (cluster === undefined) return;
    let place = reached.get(cluster.requestIndex) ?? 0;
    let machine = open[place];
    while (machine !== undefined && !holds(machine.free, cluster.request)) machine = open[++place];
    reached.set(cluster.requestIndex, place);
    if (machine === undefined) {
      asking.splice(next, 1);
      continue;
    }
    start(machine, cluster);
    if (queue.first(cluster) === undefined) asking.splice(next, 1);
  }
}

function earliest(asking: readonly Cluster[], queue: JobQueue): number {
  let best = 0;
  let first = Number.POSITIVE_INFINITY;
  for (let i = 0; i < asking.length; i++) {
    const cluster = asking[i];
    // Jobs are numbered by submission.
    const job = cluster === undefined ? undefined : queue.first(cluster);
    if (job !== undefined && job < first) {
      first = job;
      best = i;
    }
  }
  return best;
}
