import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { QueueQueries } from "../../adapters/condor-queue.ts";
import { markLog, newsSince } from "../../adapters/queue-log.ts";
import { remembering } from "../../adapters/queue-memory.ts";

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "updraft-queue-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const HELD = "105 \n103 3.4 JobStatus 5\n106 \n";
const REJECTED = '103 3.4 LastRejMatchReason "no match found "\n103 3.4 LastRejMatchTime 5\n';
const RUNS = "105 \n103 3.4 LastJobLeaseRenewal 5\n103 3.4 RemoteUserCpu 1.0\n106 \n";

test("the schedd's log tells whether jobs have changed since", async (t) => {
  const log = join(await directory(t), "job_queue.log");
  await writeFile(log, "107 1 CreationTimestamp 1\n");
  const cases: [string, string][] = [
    ["", "quiet"],
    [RUNS, "quiet"],
    [REJECTED + RUNS, "rejections"],
    [HELD, "changes"],
    ["101 4.0 Job Machine\n", "changes"],
    ["102 4.0\n", "changes"],
    ["104 4.0 LastRejMatchTime\n", "changes"],
    ["103 3.4 LastRejMatchTime", "changes"],
    ["\n", "quiet"],
    ['103 3.4 Evil "x 103 LastRejMatchTime"\n', "changes"],
  ];
  for (const [more, news] of cases) {
    const mark = await markLog(log);
    assert.ok(mark !== undefined);
    await appendFile(log, more);
    assert.equal(await newsSince(log, mark), news, more);
  }
});

test("a log that is another, shorter or not there has changed", async (t) => {
  const log = join(await directory(t), "job_queue.log");
  assert.equal(await markLog(log), undefined);
  await writeFile(log, "x\n");
  const mark = await markLog(log);
  assert.ok(mark !== undefined);
  await writeFile(log, "");
  assert.equal(await newsSince(log, mark), "changes");
  await writeFile(`${log}.new`, "x\n");
  await rename(`${log}.new`, log);
  assert.equal(await newsSince(log, mark), "changes");
  await rm(log);
  assert.equal(await newsSince(log, mark), "changes");
  await writeFile(log, "");
  const empty = await markLog(log);
  assert.ok(empty !== undefined);
  await writeFile(log, "x".repeat(5 * 1024 * 1024));
  assert.equal(await newsSince(log, empty), "changes", "nobody reads so much");
});

const SOME = { count: 3, id: "1.0", universe: 5, idleSince: 9, hasConcurrencyLimits: false } as const;
const REST = {
  autocluster: 1,
  matchedAt: undefined,
  deferredUntil: undefined,
  coolDownUntil: undefined,
} as const;
const idle = (ad: string) =>
  ({
    ...SOME,
    ...REST,
    user: "u",
    group: undefined,
    request: { cpus: 1, memory: 1, disk: 1, gpus: 0 },
    ad,
  }) as const;
const JOBS = {
  idle: [idle("[ a ]"), idle("[ b ]"), idle("[ a ]")],
  running: [],
  rejections: [],
  unmaterialized: 2,
};

test("the schedd is asked again only after a change, a while, or for another expression", async (t) => {
  const spool = await directory(t);
  const log = join(spool, "job_queue.log");
  const file = join(spool, "kept.json");
  await writeFile(log, "");
  let now = 1000;
  const asked: string[] = [];
  const queries: QueueQueries = {
    jobs: async (expression) => {
      asked.push(expression);
      return JOBS;
    },
    rejections: async () => {
      asked.push("rejections");
      return [{ autocluster: 1, user: "u", at: 5, reason: "r" }];
    },
  };
  const reader = remembering(queries, spool, file, () => now);
  const look = async (expression = "X", expected = JOBS): Promise<string[]> => {
    asked.length = 0;
    const found = await reader.jobs(expression, { factories: false });
    assert.deepEqual(JSON.parse(JSON.stringify(found)), JSON.parse(JSON.stringify(expected)));
    return [...asked];
  };
  assert.deepEqual(await look(), ["X"]);
  assert.deepEqual(await look(), []);
  await appendFile(log, RUNS);
  assert.deepEqual(await look(), []);
  await appendFile(log, REJECTED);
  const rejected = { ...JOBS, rejections: [{ autocluster: 1, user: "u", at: 5, reason: "r" }] };
  assert.deepEqual(await look("X", rejected as never), ["rejections"]);
  assert.deepEqual(await look("X", rejected as never), []);
  await appendFile(log, HELD);
  assert.deepEqual(await look(), ["X"]);
  assert.deepEqual(await look("Y"), ["Y"]);
  assert.deepEqual(await look("Y"), []);
  now += 301;
  assert.deepEqual(await look("Y"), ["Y"]);
  now -= 900;
  assert.deepEqual(await look("Y"), ["Y"], "a time to come is one of a clock that was wrong");
  await writeFile(file, "{");
  assert.deepEqual(await look("Y"), ["Y"]);
  assert.match(await readFile(file, "utf8"), /"ads":\["\[ a \]","\[ b \]"\]/);
  await rm(log);
  assert.deepEqual(await look("Y"), ["Y"]);
  assert.deepEqual(await look("Y"), ["Y"], "without the log nobody knows");
});

test("a queue of very many kinds of jobs is asked for each time", async (t) => {
  const spool = await directory(t);
  await writeFile(join(spool, "job_queue.log"), "");
  let asked = 0;
  const many = { ...JOBS, idle: Array.from({ length: 50 }, (_, i) => idle(`${i}${"x".repeat(100_000)}`)) };
  const queries = { jobs: async () => (asked++, many), rejections: async () => [] };
  const reader = remembering(queries, spool, join(spool, "kept.json"), () => 5);
  await reader.jobs("X", { factories: false });
  await reader.jobs("X", { factories: false });
  assert.equal(asked, 2);
});
