import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { bundleLambda, bundleProgram } from "./bundle.ts";
import { singleExecutable, type Executable } from "./executable.ts";
import { DIST } from "./paths.ts";
import { fileSize, step } from "./report.ts";

const EXECUTABLES: readonly Executable[] = [
  {
    directory: join(DIST, "access-point"),
    entry: "scripts/main.ts",
    names: ["updraft", "updraft-schedd"],
    assets: {
      "lambda.js": join(DIST, "lambda/index.js"),
      "simulate-worker.js": join(DIST, "simulate/program.cjs"),
      "catalogue.json": "scripts/catalogue.json",
    },
    // The hook runs beside a schedd every minute: early collection costs it no time, and takes a tenth off its peak.
    nodeOptions: ["--max-semi-space-size=2"],
  },
  {
    directory: join(DIST, "node"),
    entry: "scripts/node-main.ts",
    names: ["updraft-bootstrap", "updraft-startd"],
    assets: {
      "node.config": "condor-config/node.config",
      "node-shutdown.sh": "condor-config/node-shutdown.sh",
      "updraft-guard.service": "condor-config/updraft-guard.service",
      "updraft-join.service": "condor-config/updraft-join.service",
      "updraft-condor.conf": "condor-config/updraft-condor.conf",
      "install.sh": "bootstrap/image/install.sh",
    },
    // The guard stays for hours beside jobs: what it drops is collected early, instead of after many megabytes.
    nodeOptions: ["--max-semi-space-size=1"],
  },
];

/** `npm run build`: the Lambda bundle first (it is an asset of the command), then the single executables, into dist/. */
async function build(): Promise<void> {
  await rm(DIST, { recursive: true, force: true });
  const lambda = await step("Lambda bundle", () =>
    bundleLambda("lambda/enforce-leases.ts", join(DIST, "lambda/index.js")),
  );
  console.log(`  ${lambda}  ${await fileSize(lambda)}`);
  const worker = await step("bundle of simulate's threads", () =>
    bundleProgram("scripts/simulate-worker.ts", join(DIST, "simulate")),
  );
  console.log(`  ${worker}  ${await fileSize(worker)}`);
  for (const executable of EXECUTABLES) {
    const bundle = await step(`bundle of ${executable.names[0]}`, () =>
      bundleProgram(executable.entry, executable.directory),
    );
    await step(`${executable.names.join(", ")}`, () => singleExecutable(executable, bundle));
    console.log(
      `  ${executable.directory}/  ${await fileSize(join(executable.directory, executable.names[0] ?? ""))}`,
    );
  }
  console.log(`built on ${availableParallelism()} cores with Node ${process.versions.node}`);
}

await build();
