import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { getAsset, isSea } from "node:sea";
import { UpdraftError } from "../core/errors.ts";

/** Where what the executable carries is, for a run from source. */
const BUILT = {
  "lambda.js": "dist/lambda/index.js",
  "simulate-worker.js": "dist/simulate/program.cjs",
  "catalogue.json": "scripts/catalogue.json",
} as const;

export type AssetName = keyof typeof BUILT;

/** A text that the build joined into the executable. */
export function asset(name: AssetName): string {
  if (isSea()) return getAsset(name, "utf8");
  const path = join(dirname(process.argv[1] ?? ""), "..", BUILT[name]);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UpdraftError("failed", `there is no ${path}`, "Run: npm run build", error);
  }
}
