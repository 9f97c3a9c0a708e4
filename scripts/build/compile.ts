import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

/** `node OPTION… compile.ts SCRIPT CODE`: writes the code of every function of a script, for a Node with these options. */
const [path = "", code = ""] = process.argv.slice(2);
const source = readFileSync(path, "latin1");
if (/[^\0-\x7f]/.test(source)) throw new Error(`${path} has characters that are not ASCII`);

setFlagsFromString("--no-lazy");
const script = new Script(source, { filename: path });
// The code is marked with the flags that hold when it is written: with others it would not be taken.
setFlagsFromString("--lazy");
const cachedData = script.createCachedData();

const again = new Script(source, { filename: path, cachedData });
if (again.cachedDataRejected !== false) throw new Error(`Node does not take the code of ${path}`);
writeFileSync(code, cachedData);
