import { Worker } from "node:worker_threads";

/**
 * Runs tasks on several threads, each of which runs this program's code with these data: it is posted one task at a
 * time and posts back its result. Results come in the order of the tasks; `done` hears of each as it comes.
 */
export async function inParallel<Task, Result>(
  code: string,
  data: unknown,
  tasks: readonly Task[],
  threads: number,
  done: (count: number) => void,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let finished = 0;

  const serve = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      let current = -1;
      const hand = (): void => {
        if (next >= tasks.length) return resolve();
        current = next++;
        worker.postMessage(tasks[current]);
      };
      worker.on("message", (result: Result) => {
        results[current] = result;
        done(++finished);
        hand();
      });
      worker.on("error", reject);
      worker.on("exit", (status) => reject(new Error(`a worker ended with status ${status}`)));
      hand();
    });

  const workers = Array.from({ length: Math.min(threads, tasks.length) }, () => {
    return new Worker(code, { eval: true, workerData: data });
  });
  try {
    await Promise.all(workers.map(serve));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

/** The same bytes where every thread sees them without a copy. */
export function shared<T extends Float64Array | Int32Array>(column: T): T {
  const buffer = new SharedArrayBuffer(column.byteLength);
  if (column instanceof Float64Array) {
    const copy = new Float64Array(buffer);
    copy.set(column);
    return copy as T;
  }
  const copy = new Int32Array(buffer);
  copy.set(column);
  return copy as T;
}
