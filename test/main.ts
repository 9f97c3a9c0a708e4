import { spawnSync } from "node:child_process";

/**
 * `npm test`, tier by tier: what needs nothing, then the built executables, then the sandbox. A tier that fails
 * ends the run, so the closing lines of the test runner are always those of the last tier that ran.
 */
const TIERS: readonly { readonly name: string; readonly arguments: readonly string[] }[] = [
  {
    name: "unit",
    arguments: [
      "--experimental-test-coverage",
      "--test-coverage-include=core/**",
      "--test-coverage-lines=95",
      "--test-coverage-branches=95",
      "test/{core,adapters,bootstrap,hooks,lambda,scripts,sandbox}/**/*.test.ts",
    ],
  },
  { name: "built", arguments: ["test/built/**/*.test.ts"] },
  { name: "end to end", arguments: ["--test-concurrency=1", "test/{contract,e2e}/**/*.test.ts"] },
];

function node(...parameters: readonly string[]): boolean {
  return spawnSync(process.execPath, parameters, { stdio: "inherit" }).status === 0;
}

const only = process.argv.slice(2);
const passed =
  node("scripts/build/main.ts") &&
  TIERS.filter(({ name }) => only.length === 0 || only.includes(name)).every(
    ({ name, arguments: parameters }) => {
      console.log(`\n${name}`);
      return node("--test", ...parameters);
    },
  );
process.exitCode = passed ? 0 : 1;
