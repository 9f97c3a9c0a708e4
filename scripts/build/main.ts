import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { bundleLambda, bundleProgram, bundleScript } from "./bundle.ts";
import { compiled, singleExecutable, type Executable } from "./executable.ts";
import { DIST } from "./paths.ts";
import { fileSize, step } from "./report.ts";

const EXECUTABLES: readonly Executable[] = [
  {
    directory: join(DIST, "access-point"),
    entry: "scripts/load.ts",
    names: ["updraft", "updraft-schedd"],
    programs: {
      updraft: { entry: "scripts/main.ts", rehearsed: false },
      "updraft-schedd": { entry: "scripts/schedd-main.ts", rehearsed: true },
    },
    assets: {
      "lambda.js": join(DIST, "lambda/index.js"),
      "simulate-worker.js": join(DIST, "simulate/program.cjs"),
      "catalogue.json": "scripts/catalogue.json",
    },
    // What a run of the hook makes is as much as this, so that it ends with hardly a collection.
    nodeOptions: ["--min-semi-space-size=8", "--max-semi-space-size=8"],
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
    const bundle = await step(`bundle of ${executable.entry}`, () =>
      bundleProgram(executable.entry, executable.directory),
    );
    const scripts = await programs(executable);
    const assets = { ...executable.assets, ...scripts };
    await step(`${executable.names.join(", ")}`, () => singleExecutable({ ...executable, assets }, bundle));
    console.log(
      `  ${executable.directory}/  ${await fileSize(join(executable.directory, executable.names[0] ?? ""))}`,
    );
  }
  console.log(`built on ${availableParallelism()} cores with Node ${process.versions.node}`);
}

/** Scripts and code of an executable's programs, as its assets. */
async function programs({
  directory,
  programs = {},
  nodeOptions,
}: Executable): Promise<Executable["assets"]> {
  const assets: Record<string, string> = {};
  for (const [program, { entry, rehearsed }] of Object.entries(programs)) {
    const script = await step(`bundle of ${program}`, () => bundleScript(program, entry, directory));
    const code = await step(`code of ${program}`, () => compiled(script, nodeOptions, rehearsed));
    for (const path of [script, code]) assets[basename(path)] = path;
  }
  return assets;
}

await build();
