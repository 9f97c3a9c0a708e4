import { basename } from "node:path";
import { bootstrap } from "../bootstrap/main.ts";
import { startd } from "../hooks/startd.ts";

/**
 * The programs of a node, one executable hard-linked under their names. HTCondor gives a cron job its own name as
 * argv[0], so the name is taken from the executable's path.
 */
const program = basename(process.execPath) === "updraft-startd" ? startd : bootstrap;
async function main(): Promise<void> {
  process.exitCode = await program(process.argv.slice(2));
}

// The bundle is CommonJS, which has no await at the top.
void main();
