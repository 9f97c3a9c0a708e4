import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { providePrograms } from "../sandbox/host.ts";
import type { SandboxMachine } from "../sandbox/sandbox.ts";

/** Copies a program of this machine into one of the sandbox, with the libraries that it was linked with; returns its path there. */
export async function installProgram(
  machine: SandboxMachine,
  program: string,
  debianPackage: string = program,
): Promise<string> {
  await providePrograms({ [program]: debianPackage }, () => {});
  const path = output("sh", "-c", 'command -v "$1"', "sh", program).trim();
  const libraries = [...output("ldd", path).matchAll(/(\/\S+) \(0x/g)].flatMap(
    ([, library]) => library ?? [],
  );
  const loader = libraries.find((library) => /\/ld-/.test(library));
  if (loader === undefined) throw new Error(`${path} names no loader`);
  const directory = `/opt/${program}`;
  for (const file of [path, ...libraries]) {
    await machine.writeFile(`${directory}/lib/${basename(file)}`, await readFile(file), { mode: "755" });
  }
  const inside = `${directory}/lib`;
  const start = `exec ${inside}/${basename(loader)} --library-path ${inside} ${inside}/${basename(path)} "$@"`;
  await machine.writeFile(`${directory}/${program}`, `#!/bin/sh\n${start}\n`, { mode: "755" });
  return `${directory}/${program}`;
}

function output(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  return stdout;
}
