import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { VARIANTS } from "../../bench/campaigns/law-variants.ts";
import { compareLaws } from "../../bench/campaigns/laws.ts";

const directory = mkdtempSync(join(tmpdir(), "updraft-laws-"));
after(() => rmSync(directory, { recursive: true }));

const traces = join(directory, "traces");
mkdirSync(traces);
const jobs = Array.from(
  { length: 200 },
  (_, i) => `${i * 90},${60 + ((i * 37) % 900)},${1 + (i % 2)},u${i % 3}`,
);
writeFileSync(join(traces, "made.csv"), `submit_s,runtime_s,cores,user\n${jobs.join("\n")}\n`);

test(
  "the laws' campaign at a small size: ours and the target rule, goes on where it stopped",
  { timeout: 60_000 },
  async () => {
    const variants = VARIANTS.filter(({ law }) => law === "updraft" || law === "gcp");
    const options = { size: 1, seed: 1, out: join(directory, "rows"), traces };
    const first = await compareLaws(options, { variants, families: "EF" });
    const rows = readFileSync(options.out, "utf8");
    assert.match(first, /^β = 1: geometric mean of J\/LB/);
    assert.equal(first.split("β = ").length, 7);
    // Ours is better than the target rule where waiting is dear, on scenarios that neither was tuned on.
    const [, , dear = ""] = first.split("β = ");
    assert.match(dear, /^3: /);
    const ten = first.split("β = ").find((part) => part.startsWith("10: geometric")) ?? "";
    assert.match(ten, /\ngcp +default +[\d.]+ +\+\d/);
    assert.doesNotMatch(first, /NaN|unfinished/);

    // A line that was being written when the campaign was killed is written again, and nothing else.
    writeFileSync(options.out, rows.slice(0, -20));
    assert.equal(await compareLaws(options, { variants, families: "EF" }), first);
    assert.equal(
      readFileSync(options.out, "utf8")
        .split("\n")
        .filter((line) => line.endsWith("}")).length,
      rows.trim().split("\n").length,
    );
  },
);
