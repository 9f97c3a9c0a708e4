import assert from "node:assert/strict";
import { test } from "node:test";
import { inParallel, shared } from "../../adapters/workers.ts";

const DOUBLE = `
  const { parentPort, workerData } = require("node:worker_threads");
  parentPort.on("message", (task) => parentPort.postMessage(task * workerData.factor + workerData.column[0]));
`;
const data = { factor: 2, column: shared(Float64Array.from([0.5])) };

test("results come in the order of the tasks, whoever did them", async () => {
  const tasks = Array.from({ length: 20 }, (_, i) => i);
  const told: number[] = [];
  const results = await inParallel<number, number>(DOUBLE, data, tasks, 3, (count) => told.push(count));
  assert.deepEqual(
    results,
    tasks.map((task) => task * 2 + 0.5),
  );
  assert.deepEqual(
    told,
    tasks.map((task) => task + 1),
  );
  assert.deepEqual(await inParallel(DOUBLE, data, [], 3, () => undefined), []);
});

test("a task that fails fails the whole, and no thread is left", async () => {
  const failing = `require("node:worker_threads").parentPort.on("message", () => { throw new Error("no") })`;
  await assert.rejects(
    inParallel(failing, {}, [1, 2, 3], 2, () => undefined),
    /^Error: no$/,
  );
  const ending = `require("node:worker_threads").parentPort.on("message", () => process.exit(3))`;
  await assert.rejects(
    inParallel(ending, {}, [1], 2, () => undefined),
    /a worker ended with status 3/,
  );
});

test("shared columns hold what was copied", () => {
  assert.deepEqual([...shared(Int32Array.from([3, 4]))], [3, 4]);
  assert.ok(shared(Float64Array.from([1])).buffer instanceof SharedArrayBuffer);
});
