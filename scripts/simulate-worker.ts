import { parentPort, workerData } from "node:worker_threads";
import { runTask, type Study, type Task } from "../core/study/study.ts";

/** One thread of `updraft simulate`: a task comes, its result goes back. */
const study = workerData as Study;
parentPort?.on("message", (task: Task) => parentPort?.postMessage(runTask(study, task)));
