import { basename } from "node:path";
import { getAssetKeys, getRawAsset } from "node:sea";
import { Script } from "node:vm";

/*
 * First script of the access point's executable: several programs are one file, hard-linked under their names. HTCondor
 * gives a cron job its own name as argv[0], so the name is taken from the executable's path. Each program comes with
 * compiled code of its own; Node itself would keep that of one script alone, and of none of its functions.
 */

/** What a script of `bundleScript` is. */
type Program = (exports: object, require: NodeJS.Require, module: object) => void;

const SCRIPT = ".cjs";
const assets = getAssetKeys();
const name = basename(process.execPath);

if (assets.includes(`${name}${SCRIPT}`)) {
  const script = new Script(Buffer.from(getRawAsset(`${name}${SCRIPT}`)).toString("latin1"), {
    filename: `${name}${SCRIPT}`,
    cachedData: Buffer.from(getRawAsset(`${name}.code`)),
  });
  const program = script.runInThisContext() as Program;
  program(module.exports as object, require, module);
} else {
  const names = assets.filter((asset) => asset.endsWith(SCRIPT)).map((asset) => basename(asset, SCRIPT));
  process.stderr.write(
    `updraft: this executable has no program ${name}\n  Run it as ${names.join(" or ")}.\n`,
  );
  process.exitCode = 2;
}
