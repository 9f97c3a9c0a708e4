/** Runs the tests, tier by tier, and ends with the runner's own closing lines. Filled in by the tiers that exist. */
import { spawnSync } from "node:child_process";

const result = spawnSync(process.execPath, ["--test", "test/**/*.test.ts"], { stdio: "inherit" });
process.exitCode = result.status ?? 1;
