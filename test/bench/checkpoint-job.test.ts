import assert from "node:assert/strict";
import { test } from "node:test";
import { lostSeconds } from "../../bench/campaigns/checkpoint-job.ts";
import type { JobRun } from "../../bench/campaigns/job-events.ts";
import { jobTable, worstInOrder, type JobRow } from "../../bench/campaigns/job-table.ts";

const run = (started: number, ended: number, end: JobRun["end"]): JobRun => ({
  job: "1.0",
  instanceId: "i-1",
  started,
  ended,
  end,
});

test("a run has lost what the next one does not begin with", () => {
  const runs = [run(100, 120, "lost"), run(200, 233, "lost"), run(300, 340, "completed")];
  assert.deepEqual(lostSeconds(runs, "100 0\n201 18\n300 48\n"), [2, 3, 0]);
});

test("a run whose notes were lost with its node has lost all of it", () => {
  const runs = [run(100, 120, "lost"), run(200, 230, "lost"), run(300, 340, "completed")];
  assert.deepEqual(lostSeconds(runs, "99 0\n301 18\n"), [2, 30, 0]);
  assert.deepEqual(lostSeconds([run(100, 120, "lost"), run(200, 230, "completed")], ""), [20, 0]);
});

test("the beginnings after a checkpoint of the same run are no beginnings of another", () => {
  const runs = [run(100, 117, "lost"), run(200, 230, "completed")];
  assert.deepEqual(lostSeconds(runs, "100 0\n105 5\n111 10\n200 15\n"), [2, 0]);
});

test("the table tells what ended the node and what each kind of job lost by it", () => {
  const row = (kind: JobRow["kind"], ...lost: JobRow["lost"]): JobRow => ({
    job: "1.0",
    round: 0,
    kind,
    seconds: 30,
    completed: true,
    restarts: lost.length,
    lost,
  });
  const rows = [
    row("keeps nothing", { cause: "lease end", seconds: 20 }, { cause: "lease end", seconds: 40 }),
    row("saves files", { cause: "lease end", seconds: 3 }, { cause: "power cut", seconds: 50 }),
    row("checkpoints itself"),
  ];
  const lines = jobTable(rows).split("\n").slice(2);
  assert.deepEqual(
    lines.map((line) => line.split(/\s{2,}/)),
    [
      ["lease end", "keeps nothing", "2", "60", "20", "40"],
      ["lease end", "saves files", "1", "3", "3", "3"],
      ["power cut", "saves files", "1", "50", "50", "50"],
      ["any of them", "all", "4", "113", "20", "50"],
    ],
  );
  assert.equal(worstInOrder(rows), 3);
});
