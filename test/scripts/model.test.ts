import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PM } from "../core/model/goldens.ts";

const MAIN = fileURLToPath(new URL("../../scripts/main.ts", import.meta.url));
const DIRECTORY = mkdtempSync(join(tmpdir(), "updraft-model-"));
after(() => rmSync(DIRECTORY, { recursive: true }));

const RATES = `--submission-rate 100 --match-rate 1 --provisioning-rate 1 --completion-rate 1
  --idle-termination-rate 3 --running-termination-rate 0.125`.split(/\s+/);
const PRINTED = "--matching mass-action --evicted lost --idle-end rate".split(" ");

function model(...args: string[]): { status: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [MAIN, "model", ...args], {
    encoding: "utf8",
    env: { PATH: DIRECTORY, HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  return { status: result.status, out: result.stdout, err: result.stderr };
}

test("the command gives the golden values of the paper's pool", () => {
  const golden = PM.find(({ name }) => name === "base");
  assert.ok(golden !== undefined);
  const { status, out, err } = model(...RATES, ...PRINTED, "--spin-up-delay", "5m", "--json");
  assert.deepEqual([status, err], [0, ""]);
  const found = JSON.parse(out) as {
    equilibrium: Record<"queued" | "idle" | "busy", number>;
    hopf: { criticalDelay: number };
    roots: { re: number; im: number }[];
    stability: string;
  };
  const { queued, idle, busy } = found.equilibrium;
  for (const [i, value] of [queued, idle, busy].entries())
    assert.ok(Math.abs(value - (golden.equilibrium[i] ?? 0)) < 1e-9);
  assert.ok(Math.abs(found.hopf.criticalDelay / golden.hopf.tau - 1) < 1e-9);
  const [re, im] = golden.pm2Roots[0] ?? [0, 0];
  assert.ok(Math.hypot((found.roots[0]?.re ?? 1) - re, (found.roots[0]?.im ?? 1) - im) < 1e-8);
  assert.equal(found.stability, "stable");
});

test("it says in words and in two tables what it found, and draws a page that everybody may read", () => {
  const file = join(DIRECTORY, "pool.svg");
  const { status, out, err } = model(...RATES, "--spin-up-delay", "5m", "--lease", "8h", "--plot", file);
  assert.deepEqual([status, err], [0, `drawn: ${file}\n`]);
  assert.match(out, /^As far as the spin-up delay goes, the pool settles/);
  assert.match(out, /^submissionRate +Σ_Q +100 \/h +--submission-rate$/m);
  assert.match(out, /^lease echo: period +\S+$/m);
  const page = readFileSync(file, "utf8");
  assert.match(page, /^<svg .*<\/svg>\n$/s);
});

test("bad input ends with status 2, one sentence, a remedy, and no picture", () => {
  const file = join(DIRECTORY, "bad.svg");
  const cases: [string[], RegExp][] = [
    [["--match-rate", "0"], /matchRate \(σ_QIR\) is 0 per hour/],
    [["--spin-up-delay", "0"], /the spin-up delay is 0 hours/],
    [["--spin-up-delay", "300d", "--run", "400d"], /could not be confirmed/],
    [["--run", "5m"], /a run of 5m is over before the first instance joins/],
    [["--match-rate", "1e9"], /too many steps/],
    [["--plot", "pool.png"], /--plot pool.png: the picture is SVG/],
    [["Burst"], /Burst/],
  ];
  for (const [args, message] of cases) {
    const { status, out, err } = model(
      ...RATES,
      "--spin-up-delay",
      "5m",
      "--plot",
      file,
      ...PRINTED,
      ...args,
    );
    assert.deepEqual([status, out], [2, ""], `${args.join(" ")}: ${err}`);
    assert.match(err, message);
    assert.match(err, /^updraft: .*\n {2}.*\n$/);
  }
  assert.throws(() => readFileSync(file), { code: "ENOENT" });
  assert.match(model("--run", "5m").err, /--run goes with --plot/);
  assert.match(model().err, /lacks submissionRate, .*\n {2}Give --submission-rate RATE --match-rate RATE/);
});

test("a picture that cannot be written is told with status 1", () => {
  const { status, err } = model(...RATES, "--spin-up-delay", "5m", "--plot", join(DIRECTORY, "no", "x.svg"));
  assert.equal(status, 1);
  assert.match(err, /could not write .*no\/x\.svg/);
});

test("without HTCondor an annex's name is refused with status 3", () => {
  const { status, err } = model("burst");
  assert.equal(status, 3);
  assert.match(err, /no HTCondor on PATH/);
});

test("help teaches with an example that can be given as it stands", () => {
  const { out } = model("--help");
  const example = /\n {2}updraft model ([^]*?)\n\n/.exec(out)?.[1] ?? "";
  const args = example.replaceAll("\\\n", " ").trim().split(/\s+/);
  const file = join(DIRECTORY, "example.svg");
  assert.equal(args.at(-1), "pool.svg");
  const { status } = model(...args.slice(0, -1), file);
  assert.equal(status, 0);
});
