import { execa } from "execa";
import { chmod, copyFile, link, mkdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { PROJECT } from "./paths.ts";
import { rehearse } from "./rehearsal.ts";

/** One multi-call executable, hard-linked under each of its names: HTCondor sets argv[0] to the job's name, and execPath resolves symbolic links. */
export type Executable = {
  readonly directory: string;
  /** What it runs first. */
  readonly entry: string;
  readonly names: readonly [string, ...string[]];
  /** Programs that are too large to be the first script: where each begins, and whether a rehearsal tells what to compile. */
  readonly programs?: Readonly<Record<string, { readonly entry: string; readonly rehearsed: boolean }>>;
  /** Files that the program reads through node:sea, by name; paths are relative to the project. */
  readonly assets: Readonly<Record<string, string>>;
  /** Options of Node that it runs with; its code cache is made with them, or would not be taken. */
  readonly nodeOptions: readonly string[];
};

const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** Compiles a script of `bundleScript`, all of it or what a rehearsal needs; the file of its code. */
export async function compiled(
  script: string,
  nodeOptions: readonly string[],
  rehearsed = false,
): Promise<string> {
  const code = script.replace(/\.cjs$/, ".code");
  const compile = [...nodeOptions, join(PROJECT, "scripts/build/compile.ts"), script, code];
  if (rehearsed) await rehearse([process.execPath, ...compile, "rehearsed"]);
  else await execa(process.execPath, compile);
  return code;
}

/** Node with the bundle and its assets injected; every name of the executable is the same file. */
export async function singleExecutable(executable: Executable, bundle: string): Promise<void> {
  const { directory, names, nodeOptions } = executable;
  const configuration = join(directory, "sea.json");
  const blob = join(directory, "program.blob");
  const program = join(directory, names[0]);
  await mkdir(directory, { recursive: true });
  const settings = {
    main: bundle,
    output: blob,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    // Otherwise a bad NODE_OPTIONS in the caller's environment would end the program before it starts.
    execArgvExtension: "none",
    execArgv: nodeOptions,
    assets: Object.fromEntries(
      Object.entries(executable.assets).map(([name, path]) => [name, resolve(PROJECT, path)]),
    ),
  };
  await writeFile(configuration, JSON.stringify(settings));
  await execa(process.execPath, [...nodeOptions, "--experimental-sea-config", configuration]);
  await copyFile(await strippedNode(), program);
  await chmod(program, 0o755);
  const postject = createRequire(import.meta.url).resolve("postject/dist/cli.js");
  await execa(process.execPath, [postject, program, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE]);
  for (const name of names.slice(1)) await link(program, join(directory, name));
  await rm(configuration);
  await rm(blob);
}

/** Node without its symbols, made once per version. Stripping comes before injecting: a finished executable would not survive it. */
async function strippedNode(): Promise<string> {
  const cache = join(PROJECT, "node_modules/.cache/updraft");
  const stripped = join(cache, `node-${process.versions.node}-stripped`);
  if (existsSync(stripped)) return stripped;
  await mkdir(cache, { recursive: true });
  const temporary = `${stripped}.${process.pid}`;
  const { failed } = await execa("strip", ["-o", temporary, process.execPath], { reject: false });
  if (failed) {
    console.log("  no `strip` here (package binutils): the executables keep Node's symbols and are larger");
    return process.execPath;
  }
  await copyFile(temporary, stripped);
  await rm(temporary);
  return stripped;
}
