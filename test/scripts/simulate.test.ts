import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const MAIN = fileURLToPath(new URL("../../scripts/main.ts", import.meta.url));
const DIRECTORY = mkdtempSync(join(tmpdir(), "updraft-simulate-"));
after(() => rmSync(DIRECTORY, { recursive: true }));

function simulate(options: string): { status: number | null; out: string; err: string } {
  const args = options === "" ? [] : options.split(" ");
  const result = spawnSync(process.execPath, [MAIN, "simulate", ...args], {
    encoding: "utf8",
    env: { PATH: DIRECTORY, HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 120_000,
  });
  return { status: result.status, out: result.stdout, err: result.stderr };
}

function file(name: string, content: string | Buffer): string {
  const path = join(DIRECTORY, name);
  writeFileSync(path, content);
  return path;
}

const SUBMITTED = 1_795_000_000;
const ads = Array.from({ length: 50 }, (_, i) => ({
  ClusterId: i,
  ProcId: 0,
  JobStatus: i === 7 ? 3 : 4,
  JobUniverse: 5,
  QDate: SUBMITTED + i * 600,
  JobCurrentStartDate: SUBMITTED + i * 600 + 30,
  CompletionDate: SUBMITTED + i * 600 + 30 + 1200,
  RequestCpus: 1,
  RequestMemory: 2000,
  RequestDisk: 1000,
  User: `user${i % 2}@pool.test`,
}));
const HISTORY = file("history.json.gz", gzipSync(JSON.stringify(ads)));

type Answer = {
  read: { jobs: number; rows: number; skipped: Record<string, number> };
  price: { usd: number; source: string };
  summaries: { law: string; cost: number; machineHours: number; waitMinutes: { mean: number } }[];
  results: { seed: number }[];
};

test("what one's own history would have cost and waited is told as JSON, with what was left out", () => {
  const { status, out, err } = simulate(
    `--history ${HISTORY} --instance-types m7i.large --law updraft,gcp --wait-value 2 --seeds 2 --json`,
  );
  assert.deepEqual([status, err], [0, "Of 50 rows were left out: 1 not completed.\n"]);
  const answer = JSON.parse(out) as Answer;
  assert.deepEqual(answer.read, { jobs: 49, rows: 50, skipped: { "not completed": 1 }, assumed: {} });
  assert.equal(answer.price.usd, 0.1008);
  assert.match(answer.price.source, /on-demand in us-east-1, embedded catalogue/);
  assert.deepEqual(
    answer.summaries.map(({ law }) => law),
    ["updraft", "gcp"],
  );
  assert.equal(answer.results.length, 4);
  for (const one of answer.summaries) {
    assert.ok(Math.abs(one.cost - one.machineHours * 0.1008) < 1e-9);
    assert.ok(one.machineHours >= (49 * 1200) / 3600 / 2 && one.waitMinutes.mean > 0);
  }
});

test("the same study gives the same answer whatever the number of threads", () => {
  const study = "--scenario E --law updraft,prp --seeds 2 --json";
  const alone = simulate(`${study} --threads 1`);
  assert.equal(alone.status, 0);
  assert.equal(simulate(`${study} --threads 3`).out, alone.out);
});

test("it prints a table for each scenario and draws a page", () => {
  const plot = join(DIRECTORY, "page.svg");
  const { status, out, err } = simulate(`--scenario e,F --law gcp --seeds 1 --plot ${plot}`);
  assert.deepEqual([status, err], [0, `drawn: ${plot}\n`]);
  assert.match(out, /^Scenario E\nLAW +WAIT VALUE +MACHINE-HOURS +WAIT MEAN .* J AT 1 +J AT 3 +J AT 10$/m);
  assert.match(out, /^Scenario F$/m);
  assert.match(readFileSync(plot, "utf8"), /^<svg .*<\/svg>\n$/s);
});

test("a table of jobs, the last days of it, a machine and a price do as well", () => {
  const rows = Array.from({ length: 30 }, (_, i) => `${i * 3600},600,2,alice`);
  const csv = file("jobs.csv", `submit_s,runtime_s,cores,user\n${rows.join("\n")}\n`);
  const { status, out } = simulate(
    `--history ${csv} --last 10h --machine 2:8 --price 0.05 --law gcp --seeds 1`,
  );
  assert.equal(status, 0);
  assert.match(out, /^11 jobs of 1 user, submitted over 10h, 3\.67 CPU-hours\.$/m);
  assert.match(out, /^A machine-hour is 0\.05 USD: --price\.$/m);
});

test("bad input ends with status 2, one sentence and a remedy", () => {
  const cut = file("cut.json", '[{"JobStatus":4,"QDate":5}');
  const bad = file("bad.csv", "submit_s,runtime_s\n0,60\n5,x\n");
  const none = file("none.csv", "submit_s,runtime_s\n");
  const machine = "--machine 4:16";
  const cases: readonly (readonly [options: string, message: RegExp])[] = [
    ["", /there is nothing to simulate\n {2}Give --history/],
    [`--history ${HISTORY}`, /does not know on which machines/],
    [`--history ${DIRECTORY}/nowhere ${machine}`, /could not read .*nowhere: ENOENT/],
    [`--history ${cut} ${machine}`, /cut\.json: line 1: the list that begins here is not closed/],
    [`--history ${bad} ${machine}`, /bad\.csv: line 3: runtime_s "x" is not a number/],
    [`--history ${none} ${machine}`, /no job that can be simulated/],
    [`--history ${HISTORY} --machine 1:1`, /no job of the file fits/],
    [`--history ${HISTORY} ${machine} --instance-types m7i.large`, /contradict each other/],
    [`--history ${HISTORY} --instance-types big`, /expected instance types such as/],
    [`--history ${HISTORY} --instance-types p4d.24xlarge`, /cannot be told from its name/],
    [`--history ${HISTORY} --instance-types m9zz.large`, /no on-demand price of m9zz\.large in us-east-1/],
    [`--history ${HISTORY} ${machine} --price free`, /--price "free" is no price/],
    [`--scenario A --history ${HISTORY}`, /has jobs and machines of its own: --history goes with it/],
    ["--scenario Z", /there is no scenario Z/],
    ["--scenario A --law gpc", /there is no law gpc\n {2}Did you mean gcp/],
    ["--scenario A --wait-value -1", /no positive number/],
    ["--scenario A --plot x.png", /the picture is SVG/],
    ["--scenario A --seeds 0", /--seeds "0"/],
  ];
  for (const [options, message] of cases) {
    const { status, out, err } = simulate(options);
    assert.deepEqual([status, out], [2, ""], options);
    assert.match(err, message, options);
  }
});
