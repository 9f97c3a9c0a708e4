import assert from "node:assert/strict";
import { test } from "node:test";
import { LAW_NAMES, listedLaw } from "../../../core/laws/catalogue.ts";
import { recordedPlant } from "../../../core/study/inputs.ts";
import { OURS, RECORDED, runTask, tasks, type Study } from "../../../core/study/study.ts";
import { bounds, summarize } from "../../../core/study/summary.ts";
import { paretoPage } from "../../../core/study/pareto.ts";
import { readingNotes, runNotes, summaryTable, workloadWords } from "../../../core/study/words.ts";
import { latest, workload } from "../../../core/sim/workload.ts";

const MACHINE = { cpus: 4, memory: 16_384, disk: Number.POSITIVE_INFINITY, gpus: 0 };
const request = { cpus: 1, memory: 1024, disk: 0, gpus: 0 };
const JOBS = workload(
  Array.from({ length: 60 }, (_, i) => ({
    submitted: i * 300,
    runSeconds: 900 + (i % 7) * 60,
    request: i === 5 ? { ...request, cpus: 64 } : i === 6 ? { ...request, memory: 2048 } : request,
    owner: `user${i % 3}`,
  })),
);
const RECORDED_STUDY: Study = {
  recorded: { jobs: JOBS, plant: recordedPlant(MACHINE).plant },
  changes: {},
  idleSeconds: 600,
};

test("a law that goes by what waiting is worth is run at each value, another once", () => {
  const made = tasks({ cases: ["A", "B"], laws: [OURS, "gcp"], waitValues: [1, 10], seeds: 3 });
  assert.equal(made.length, 2 * (2 + 1) * 3);
  assert.deepEqual(made[0], { case: "A", law: OURS, waitValue: 1, seed: 0 });
  assert.throws(() => listedLaw("none"), /there is no law none/);
});

test("recorded jobs are run on the machines that were given, the same each time", () => {
  const task = { case: RECORDED, law: OURS, waitValue: 1, seed: 0 };
  const { report, bound } = runTask(RECORDED_STUDY, task);
  assert.deepEqual([report.completed, report.excluded.tooLarge, bound], [59, 1, undefined]);
  assert.deepEqual(runTask(RECORDED_STUDY, task).report, report);
  assert.throws(() => runTask({ ...RECORDED_STUDY, recorded: undefined }, task), /no scenario recorded/);
});

test("nodes end themselves when they are idle, whatever the law", () => {
  const task = { case: RECORDED, law: "provisioning-rate", waitValue: 1, seed: 0 };
  const hours = (idleSeconds: number | undefined): number =>
    runTask({ ...RECORDED_STUDY, idleSeconds }, task).report.machineHours;
  assert.ok(hours(60) < hours(undefined), `${hours(60)} and ${hours(undefined)}`);
});

test("a scenario has jobs and machines of its own, a bound for ours, and takes changes of knobs", () => {
  const study: Study = { recorded: undefined, changes: { maxInstances: 2 }, idleSeconds: undefined };
  const { report, bound } = runTask(study, { case: "E", law: OURS, waitValue: 3, seed: 1 });
  assert.equal(report.mostInstances, 2);
  assert.ok(bound !== undefined && bound > 0);
  assert.equal(runTask(study, { case: "E", law: "gcp", waitValue: 3, seed: 1 }).bound, undefined);
});

const work = tasks({ cases: [RECORDED], laws: [OURS, "gcp", "elastiq"], waitValues: [1, 3], seeds: 2 });
const RESULTS = work.map((task) => runTask(RECORDED_STUDY, task));

test("results are means over seeds, with J at each value and cost where a price is known", () => {
  const summaries = summarize(RESULTS, [1, 3], 0.2);
  assert.deepEqual(
    summaries.map(({ law, waitValue }) => [law, waitValue]),
    [
      [OURS, 1],
      [OURS, 3],
      ["gcp", undefined],
      ["elastiq", undefined],
    ],
  );
  const gcp = summaries[2];
  const own = RESULTS.filter(({ law }) => law === "gcp").map(({ report }) => report);
  assert.ok(gcp);
  const hours = own.reduce((sum, one) => sum + one.machineHours, 0) / 2;
  assert.equal(gcp.machineHours, hours);
  assert.equal(gcp.cost, hours * 0.2);
  const waited = own.reduce((sum, one) => sum + one.waitHours, 0) / 2;
  assert.ok(Math.abs((gcp.objectives[1]?.hours ?? 0) - (hours + 3 * waited)) < 1e-9);
  assert.equal(summarize(RESULTS, [1], undefined)[0]?.cost, undefined);
});

test("a law that left jobs waiting has no J, and is named", () => {
  const results = RESULTS.map((one) =>
    one.law === "elastiq" ? { ...one, report: { ...one.report, unfinished: 2 } } : one,
  );
  const summaries = summarize(results, [1, 3], undefined);
  assert.deepEqual(summaries.at(-1)?.objectives, [
    { waitValue: 1, hours: undefined },
    { waitValue: 3, hours: undefined },
  ]);
  assert.deepEqual(runNotes(results, summaries), [
    "1 jobs are larger than the machine, and were left out.",
    "Given up 60 days after the last submission, with jobs that still waited: elastiq.",
  ]);
  assert.equal(summaryTable(summaries, [1, 3], []).at(-1)?.at(-1), "2 jobs left");
  assert.doesNotMatch(paretoPage("p", summaries), /elastiq/);
});

test("the table has a row for each law and value, and the bound where there is one", () => {
  const rows = summaryTable(summarize(RESULTS, [1, 3], 0.2), [1, 3], [{ waitValue: 3, hours: 12.345 }]);
  const [heading] = rows;
  assert.ok(heading);
  assert.ok(rows.every((row) => row.length === heading.length));
  assert.deepEqual(rows.at(-1)?.slice(-2), ["", "12.3"]);
  assert.equal(heading[2], "COST USD");
  const bare = summaryTable(summarize(RESULTS, [1], undefined), [1], [])[0];
  assert.ok(!bare?.includes("COST USD"));
});

test("the picture has a chart for each case, and names every law", () => {
  const scenarios = tasks({
    cases: ["E", "G"].slice(0, 1),
    laws: ["updraft", "gcp"],
    waitValues: [1, 3],
    seeds: 1,
  });
  const results = scenarios.map((task) =>
    runTask({ recorded: undefined, changes: {}, idleSeconds: undefined }, task),
  );
  const page = paretoPage("Wait and cost", [
    ...summarize(results, [1, 3], undefined),
    ...summarize(RESULTS, [1, 3], 0.2),
  ]);
  for (const words of [
    "Scenario E",
    "Recorded jobs",
    "updraft (wait value 1, 3)",
    "gcp",
    "cost (USD)",
    "machine-hours",
  ])
    assert.ok(page.includes(words), words);
  assert.doesNotMatch(page, /NaN|Infinity/);
  assert.deepEqual(
    bounds(results).map(({ waitValue }) => waitValue),
    [1, 3],
  );
});

test("waits that are very different are drawn on a logarithmic axis", () => {
  const [first] = summarize(RESULTS, [1], undefined);
  assert.ok(first);
  const far = {
    ...first,
    law: "gcp",
    waitMinutes: { ...first.waitMinutes, mean: first.waitMinutes.mean * 1000 },
  };
  assert.doesNotMatch(paretoPage("p", [first, far]), /NaN/);
});

test("what was read is told in a sentence each", () => {
  assert.equal(workloadWords(JOBS), "60 jobs of 3 users, submitted over 4h55m, 38.9 CPU-hours.");
  const read = {
    jobs: JOBS,
    rows: 70,
    skipped: { "not completed": 10 },
    assumed: { "owner unknown": 2 },
  } as const;
  assert.deepEqual(readingNotes(read), [
    "Of 70 rows were left out: 10 not completed.",
    "Filled in: 2 owner unknown.",
  ]);
  assert.deepEqual(readingNotes({ ...read, skipped: {}, assumed: {} }), []);
});

test("the latest jobs of a history begin at time 0 again", () => {
  const jobs = latest(JOBS, 3000);
  assert.equal(jobs.count, 11);
  assert.equal(jobs.submitted[0], 0);
  assert.equal(jobs.submitted.at(-1), 3000);
  assert.deepEqual(jobs.runSeconds, JOBS.runSeconds.slice(49));
  assert.equal(latest(JOBS, 1e9).count, 60);
});

test("every law of the catalogue has a name of its own", () => {
  assert.equal(new Set(LAW_NAMES).size, 10);
});
