import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { median, table } from "./table.ts";

const FILES = ["access-point/updraft", "node/updraft-bootstrap", "lambda/index.js"];
const MOST_BUILDS = 3;

/** Seconds of a whole build, and what it makes. */
export async function buildBench(runs: number): Promise<string> {
  const seconds: number[] = [];
  for (let run = 0; run < Math.min(runs, MOST_BUILDS); run++) {
    const begun = performance.now();
    const built = spawnSync(process.execPath, ["scripts/build/main.ts"], { stdio: "ignore" });
    if (built.status !== 0) throw new Error("the build failed");
    seconds.push((performance.now() - begun) / 1000);
  }
  const rows = FILES.map((file) => [file, (statSync(`dist/${file}`).size / 1e6).toFixed(3)]);
  return `build: median ${median(seconds).toFixed(1)} s of ${seconds.length}\n${table(["file", "MB"], rows)}`;
}
