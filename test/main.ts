import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { prepareHost, providePrograms } from "../sandbox/host.ts";
import { sandboxesDirectory, cacheDirectory } from "../sandbox/place.ts";
import { stepLine, type Step } from "../sandbox/progress.ts";
import { ensureRoots } from "../sandbox/rootfs/roots.ts";
import { withRoot } from "./support/with-root.ts";

const HELP = `npm test [-- TIER]...: builds, then runs the tests, tier by tier; a tier that fails ends the run.

  unit        core, adapters, executables, templates, documentation: no cloud is needed
  contract    the cloud of the sandbox against the AWS SDK, our adapters against that cloud
  e2e         built programs on real machines with the real HTCondor
`;

/** Programs that tests use beside those of a sandbox, and Debian's packages of them. */
const TEST_PROGRAMS = {
  strip: "binutils",
  strace: "strace",
  nft: "nftables",
  iptables: "iptables",
  "mkfs.ext4": "e2fsprogs",
  losetup: "mount",
  curl: "curl",
  faketime: "faketime",
  mandoc: "mandoc",
  shellcheck: "shellcheck",
  "systemd-analyze": "systemd",
};

const CONTRACT = ["test/contract/**/*.test.ts", "test/sandbox/cloud/cloud.test.ts"];
const E2E = ["test/e2e/**/*.test.ts", "test/sandbox/machines.test.ts"];
/** Much of a test is waiting, so that both cores of a small machine serve; the runner alone would leave one of two free. */
const CONCURRENCY = "--test-concurrency=2";
const COVERAGE = [
  "--experimental-test-coverage",
  "--test-coverage-include=core/**",
  "--test-coverage-lines=95",
  "--test-coverage-branches=95",
];

const tiers: Readonly<Record<string, () => Promise<boolean>>> = {
  unit: async () =>
    test([CONCURRENCY, ...COVERAGE], globSync("test/**/*.test.ts", { exclude: [...CONTRACT, ...E2E] })),
  contract: async () => {
    const { moto } = await roots();
    return withRoot(moto, (root, within) =>
      test(["--test-concurrency=1"], globSync(CONTRACT), {
        within,
        environment: { UPDRAFT_MOTO_ROOT: root },
      }),
    );
  },
  // Each file has a sandbox of its own. The last one out would remove the directory of all while another is coming up.
  e2e: async () => {
    const directory = sandboxesDirectory(process.env);
    mkdirSync(directory, { recursive: true });
    const held = mkdtempSync(`${directory}/.tests-`);
    try {
      return test([CONCURRENCY], globSync(E2E));
    } finally {
      rmdirSync(held);
    }
  },
};

type Surroundings = {
  /** A command that runs the runner below itself. */
  readonly within?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};

function test(
  options: readonly string[],
  files: readonly string[],
  { within = [], environment = {} }: Surroundings = {},
): boolean {
  const reporter = "--test-reporter=spec";
  const [program = "", ...rest] = [
    ...within,
    process.execPath,
    "--test",
    reporter,
    ...options,
    ...[...files].sort(),
  ];
  return spawnSync(program, rest, { stdio: "inherit", env: { ...process.env, ...environment } }).status === 0;
}

async function roots() {
  return ensureRoots({
    cache: cacheDirectory(process.env),
    nodeProgram: "dist/node/updraft-bootstrap",
    onStep: tell,
  });
}

function tell(step: Step): void {
  const line = stepLine(step);
  if (line !== undefined) console.log(line);
}

async function main(asked: readonly string[]): Promise<boolean> {
  const unknown = asked.find((name) => !Object.hasOwn(tiers, name));
  if (unknown !== undefined) {
    console.log(HELP);
    return asked.includes("--help");
  }
  process.chdir(new URL("..", import.meta.url).pathname);
  await prepareHost(sandboxesDirectory(process.env), tell);
  await providePrograms(TEST_PROGRAMS, tell);
  if (spawnSync(process.execPath, ["scripts/build/main.ts"], { stdio: "inherit" }).status !== 0) return false;
  await roots();
  for (const [name, run] of Object.entries(tiers)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    console.log(`\n== ${name}`);
    if (!(await run())) return false;
  }
  return true;
}

process.exitCode = await main(process.argv.slice(2)).then(
  (passed) => (passed ? 0 : 1),
  (error: unknown) => {
    console.error(`test: ${messageOf(error)}${error instanceof UpdraftError ? `\n  ${error.remedy}` : ""}`);
    return 1;
  },
);
