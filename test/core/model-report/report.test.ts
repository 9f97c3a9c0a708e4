import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import { readInputs } from "../../../core/model-report/inputs.ts";
import { reportPage, usualRun } from "../../../core/model-report/page.ts";
import { computable, modelReport, type ModelReport } from "../../../core/model-report/report.ts";
import { parameterTable, reportWords, resultTable, short, spell } from "../../../core/model-report/words.ts";
import { PM } from "../model/goldens.ts";
import { AS_PRINTED, options } from "./options.ts";

const report = (given: Readonly<Record<string, string | undefined>> = {}): ModelReport =>
  modelReport(readInputs(options(given)));
const words = (given?: Readonly<Record<string, string>>): string => reportWords(report(given)).join("\n");

/** What the golden files say of the paper's pool. */
const [golden] = PM;
const paper = (delay: string): Readonly<Record<string, string>> => ({
  ...AS_PRINTED,
  "submission-rate": "100",
  "match-rate": "1",
  "provisioning-rate": "1",
  "completion-rate": "1",
  "idle-termination-rate": "3",
  "running-termination-rate": "0.125",
  "spin-up-delay": delay,
});

test("the report has the golden values of the paper's pool", () => {
  assert.ok(golden !== undefined);
  const found = report(paper("5m"));
  assert.ok(Math.abs(found.equilibrium.queued - golden.equilibrium[0]) < 1e-9);
  assert.ok(Math.abs((found.hopf?.criticalDelay ?? 0) / golden.hopf.tau - 1) < 1e-9);
  assert.ok(Math.abs((found.roots[0]?.re ?? 0) - (golden.pm2Roots[0]?.[0] ?? 1)) < 1e-8);
  assert.equal(found.leaseEcho, null);
  assert.equal(found.verdict, null);
  assert.equal(found.parameters.lease, null);
});

test("words say that a pool settles, how far it is from swinging, and the other way round", () => {
  const settles = words(paper("5m"));
  assert.match(settles, /^The pool settles, in waves of \S+: after any disturbance, half of what is left/);
  assert.match(
    settles,
    /would begin to swing, in waves of \S+, if instances took \S+ from order to joining; they take 5m/,
  );
  assert.match(
    words({ ...paper("5m"), "match-rate": "1e9" }),
    /begins to swing at an ordering rate of 18\.16 machines per hour and queued job; it is 1\./,
  );
  assert.match(
    settles,
    /counted the machines that are idle or on their way, it would settle up to a delay of/,
  );
  const swings = words(paper("4h"));
  assert.match(
    swings,
    /^The pool swings, in waves of \S+: the smallest disturbance grows, and doubles every/,
  );
  assert.match(
    swings,
    /settles only while instances take less than \S+ from order to joining; they take 4h \(margin 0\./,
  );
  assert.equal(report(paper("4h")).stability, "unstable");
});

test("where idle machines abound no delay matters", () => {
  const found = report({ "provisioning-rate": "20" });
  assert.deepEqual([found.hopf, found.margin.delayRatio, found.margin.delayHours], [null, null, null]);
  const text = reportWords(found).join("\n");
  assert.match(text, /No spin-up delay makes it swing; it is 5m/);
  assert.match(
    text,
    /no ordering rate makes it swing, because more orders would let idle machines outnumber/,
  );
  assert.match(text, /^The pool settles: after/);
  assert.ok(
    resultTable(found).some(([name, value]) => name?.startsWith("critical delay (Hopf") && value === "none"),
  );
});

test("a gain that never swings and a delay that no in-flight ordering minds are said", () => {
  const safe = words({ ...paper("1s"), "running-termination-rate": "3" });
  assert.match(
    safe,
    /At this delay no ordering rate up to 3600 machines per hour and queued job makes it swing/,
  );
  const short = words({ "running-termination-rate": "20", "match-rate": "1e6", "provisioning-rate": "100" });
  assert.match(short, /it would settle at any delay up to a hundred job lengths/);
});

test("with a lease the echo is told: its period, whether it grows, and what is worse", () => {
  const { leaseEcho } = report({ lease: "8h" });
  assert.equal(leaseEcho?.stability, "unstable");
  assert.ok(Math.abs((leaseEcho.period ?? 0) - 8.1) < 0.2);
  assert.ok((leaseEcho.growthPerWave ?? 0) > 1);
  const growing = words({ lease: "8h" });
  assert.match(
    growing,
    /end together after 8h, so a wave of orders comes back every 8h\S*, each \S+ % higher .*; the pool swings\./,
  );
  assert.match(growing, /The fastest to grow are waves of 2h\S*: a lease later they are \S+ % higher/);
  const fading = words({ ...paper("5m"), lease: "8h", "provisioning-rate": "0.3" });
  assert.match(fading, /each \S+ % lower than the one before; the pool settles all the same\./);
  const none = words({ ...paper("5m"), lease: "1h" });
  assert.match(none, /but no wave of that length stands out; the pool settles all the same/);
  assert.match(none, /The slowest to fade are waves of 3h\S*: a lease later they are \S+ % lower/);
});

test("the estimates of a live pool decide its stability, or are said not to", () => {
  const values = {
    SubmissionRate: 100,
    MatchRate: 60,
    ProvisioningRate: 2,
    CompletionRate: 2,
    SpinUpDelay: 0.1,
  };
  const live = (spread: number, source: string, left?: string) => ({
    annex: "burst",
    leaseSeconds: 28_800,
    idleSeconds: 1200,
    attributes: Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) => [
        [`Annex_burst_${name}`, value],
        ...(name === left ? [] : [[`Annex_burst_${name}Low`, value / spread]]),
        [`Annex_burst_${name}High`, value * spread],
        [`Annex_burst_${name}Source`, source],
      ]),
    ) as Record<string, string | number>,
  });
  const judged = (...given: Parameters<typeof live>) =>
    modelReport(readInputs(() => undefined, live(...given)));
  const sure = judged(1.01, "measured");
  assert.deepEqual(sure.verdict, { stability: "stable" });
  assert.match(
    reportWords(sure).at(-1) ?? "",
    /^All values within the intervals of the estimates are stable\.$/,
  );
  const prior = judged(1.01, "prior");
  assert.match(
    reportWords(prior).at(-1) ?? "",
    /^The estimates do not decide it: .*has not been measured\.$/,
  );
  assert.equal(judged(50, "measured").verdict?.stability, "undetermined");
  assert.equal(judged(1.01, "measured", "SpinUpDelay").verdict?.reason, "the spin-up delay has no interval");
  assert.equal(judged(1.01, "measured", "MatchRate").verdict?.reason, "matchRate cannot be measured here");
});

test("the tables have every parameter with its source, and every result", () => {
  const found = report({ lease: "8h" });
  assert.deepEqual(parameterTable(found)[1], ["submissionRate", "Σ_Q", "100 /h", "--submission-rate"]);
  assert.deepEqual(parameterTable(found).at(-1), ["lease", "L", "8h", "--lease"]);
  const results = resultTable(found);
  assert.equal(results.length - resultTable(report()).length, 6);
  assert.ok(results.every((row) => row.length === 2 && row[1] !== "" && !/NaN|undefined/.test(row[1] ?? "")));
});

test("numbers and durations are short", () => {
  assert.deepEqual([0, 1.23456, 1e7, 1e-7, -2].map(short), ["0", "1.235", "1.00e+7", "1.00e-7", "-2"]);
  assert.deepEqual([0.001, 0.5, 3.2345, 100, 1e7].map(spell), ["3.6s", "30m", "3h14m", "4d4h", "416700d"]);
});

test("what cannot be computed from what was given is a usage error, and a bug stays one", () => {
  const failed = new UpdraftError("failed", "too stiff", "Check the rates.");
  assert.throws(
    () =>
      computable(() => {
        throw failed;
      }),
    { kind: "usage", message: "too stiff" },
  );
  assert.throws(
    () =>
      computable(() => {
        throw new TypeError("a bug");
      }),
    TypeError,
  );
});

test("the page has three charts with units, the pool's own point and both kinds of roots", () => {
  for (const given of [{}, { lease: "8h" }, paper("5m"), { "provisioning-rate": "20" }]) {
    const found = report(given);
    const page = reportPage(found, "Model of <a pool>", usualRun(found.parameters.lease));
    for (const label of [
      "time (hours)",
      "jobs, machines",
      "spin-up delay τ_QI",
      "ordering rate σ_QI (1/h)",
      "real part (1/h)",
      "imaginary part (rad/h)",
    ])
      assert.ok(page.includes(label), label);
    for (const name of ["X_Q jobs that wait", "X_I idle machines", "X_R busy machines", "this pool"])
      assert.ok(page.includes(name), name);
    assert.ok(page.includes("Model of &lt;a pool&gt;"));
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
    assert.equal(page.includes("with leases"), found.leaseEcho !== null);
  }
});

test("the page says when no delay is critical, and where its Hopf curve ends", () => {
  const abundant = { ...report({ "provisioning-rate": "5000" }) };
  assert.match(reportPage(abundant, "x", 24), /no delay near this one makes it swing/);
  assert.match(reportPage(report(), "x", 24), /Hopf curve, up to where idle machines abound/);
  assert.match(reportPage(report(paper("5m")), "x", 24), />Hopf curve</);
});

test("runs of other lengths have axes in other units, and one shorter than the spin-up delay is refused", () => {
  const found = report(paper("1s"));
  assert.match(reportPage(found, "x", 0.05), /time \(seconds\)/);
  assert.match(reportPage(found, "x", 1), /time \(minutes\)/);
  assert.match(reportPage(report(paper("5m")), "x", 200), /time \(days\)/);
  assert.equal(usualRun(8), 32);
  assert.throws(() => reportPage(found, "x", 200), { kind: "usage", message: /too many steps/ });
  for (const run of [0, 1 / 60, 5 / 60])
    assert.throws(() => reportPage(report(paper("5m")), "x", run), {
      kind: "usage",
      message: /is over before the first instance joins: the spin-up delay is 5m/,
    });
});
