import { spawnSync } from "node:child_process";
import { providePrograms } from "../sandbox/host.ts";
import { median, quantile, table } from "./table.ts";

const PROGRAMS = [
  "access-point/updraft",
  "access-point/updraft-schedd",
  "node/updraft-bootstrap",
  "node/updraft-startd",
];

/** Wall time and peak memory of `--version`, alternating between the programs, beside an empty node. */
export async function startBench(runs: number): Promise<string> {
  await providePrograms({ time: "time" }, () => {});
  const commands: [name: string, command: string[]][] = [
    ["node -e 0", [process.execPath, "-e", "0"]],
    ...PROGRAMS.map((program): [string, string[]] => [program, [`dist/${program}`, "--version"]]),
  ];
  const milliseconds = new Map(commands.map(([name]) => [name, [] as number[]]));
  const megabytes = new Map<string, number>();
  for (let run = 0; run < runs; run++) {
    for (const [name, command] of commands) {
      const begun = performance.now();
      const { status, stderr } = spawnSync("time", ["-f", "%M", ...command], { encoding: "utf8" });
      milliseconds.get(name)?.push(performance.now() - begun);
      if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
      megabytes.set(name, Math.max(megabytes.get(name) ?? 0, Number(stderr) / 1000));
    }
  }
  const rows = [...milliseconds].map(([name, ms]) => [
    name,
    Math.round(median(ms)),
    Math.round(quantile(ms, 0.95)),
    Math.round(megabytes.get(name) ?? 0),
  ]);
  return table(["program", "median ms", "p95 ms", "peak MB"], rows);
}
