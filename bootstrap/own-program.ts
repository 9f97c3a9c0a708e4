import { isSea } from "node:sea";

/** The command that runs this very program, whose arguments follow. */
export function ownProgram(): readonly [string, ...string[]] {
  return isSea() ? [process.execPath] : [process.execPath, process.argv[1] ?? ""];
}
