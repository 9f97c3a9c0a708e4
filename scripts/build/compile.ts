import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";
import { PROJECT } from "./paths.ts";

/**
 * `node OPTION… compile.ts SCRIPT CODE [rehearsed]`: writes compiled code of a script, for a Node with these options.
 * It is that of every function, or with `rehearsed` of those that run when the program does.
 */
const [path = "", code = "", how] = process.argv.slice(2);
const source = readFileSync(path, "latin1");
if (/[^\0-\x7f]/.test(source)) throw new Error(`${path} has characters that are not ASCII`);

if (how === "rehearsed") {
  const script = new Script(source, { filename: path });
  process.on("exit", (status) => {
    if (status === 0) write(script);
  });
  // As the program itself is started, and from where it finds its assets.
  process.argv.splice(1, process.argv.length, join(PROJECT, "scripts/main.ts"));
  const program = script.runInThisContext() as (...given: unknown[]) => void;
  program({}, createRequire(import.meta.url), { exports: {} });
} else {
  setFlagsFromString("--no-lazy");
  const script = new Script(source, { filename: path });
  // The code is marked with the flags that hold when it is written: with others it would not be taken.
  setFlagsFromString("--lazy");
  write(script);
}

function write(script: Script): void {
  const cachedData = script.createCachedData();
  const again = new Script(source, { filename: path, cachedData });
  if (again.cachedDataRejected !== false) throw new Error(`Node does not take the code of ${path}`);
  writeFileSync(code, cachedData);
}
