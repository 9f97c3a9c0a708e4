import { build, type BuildOptions } from "esbuild";
import { join } from "node:path";
import { PROJECT } from "./paths.ts";
import { plainKeys } from "./plain-keys.ts";

const COMMON: BuildOptions = {
  absWorkingDir: PROJECT,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  // esbuild's default order doubles size and start time of the AWS SDK.
  mainFields: ["module", "main"],
  // A module of Node that is imported while a program runs would bring up Node's whole loader of modules, and undici with it.
  supported: { "dynamic-import": false },
  legalComments: "none",
  logLevel: "warning",
  plugins: [plainKeys],
};

/** One CommonJS file for a single executable; not minified, because an uncaught error would print its line into a daemon's log. */
export async function bundleProgram(entry: string, directory: string): Promise<string> {
  const outfile = join(directory, "program.cjs");
  await build({ ...COMMON, entryPoints: [entry], outfile, define: { "import.meta.url": "undefined" } });
  return outfile;
}

/** The same as a script whose value is a function of `exports`, `require` and `module`; it is named for its program. */
export async function bundleScript(program: string, entry: string, directory: string): Promise<string> {
  const outfile = join(directory, `${program}.cjs`);
  await build({
    ...COMMON,
    entryPoints: [entry],
    outfile,
    define: { "import.meta.url": "undefined" },
    banner: { js: "(function (exports, require, module) {" },
    footer: { js: "})" },
  });
  return outfile;
}

/** One small CommonJS file: it stands inline in the stack's template, and the runtime brings the SDK. */
export async function bundleLambda(entry: string, outfile: string): Promise<string> {
  await build({
    ...COMMON,
    entryPoints: [entry],
    outfile,
    external: ["@aws-sdk/*", "@smithy/*"],
    minifyWhitespace: true,
  });
  return outfile;
}
