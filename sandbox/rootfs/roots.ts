import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { UpdraftError } from "../../core/errors.ts";
import { withLock } from "../lock.ts";
import { type OnStep, step } from "../progress.ts";
import { confined, run } from "../run.ts";
import { type Mirror, mirror } from "./mirror.ts";
import { archive, htcondor, moto, plain, type Recipe, SUITE } from "./recipes.ts";
import { clearHalfMade, layerKey, removeOldVersions, stored } from "./store.ts";

const LAYER_SCRIPT = fileURLToPath(new URL("layer.sh", import.meta.url));
const IMAGE_RECIPE = fileURLToPath(new URL("../../bootstrap/image", import.meta.url));
/** Change it when the way of building changes, not only what is built. */
const FORMAT = 1;

/** Root file systems, each as the directories of an overlay, topmost first. */
export type Roots = {
  readonly plain: readonly string[];
  readonly htcondor: readonly string[];
  readonly moto: readonly string[];
  /** plain, with HTCondor's packages to install. */
  readonly archive: readonly string[];
  /** htcondor after our image recipe, with the node's program in it. */
  readonly updraft: readonly string[];
  /** By name: updraft, with what was asked for beside it. */
  readonly extra: Readonly<Record<string, readonly string[]>>;
};

export type RootsOptions = {
  readonly cache: string;
  /** The node's built program. */
  readonly nodeProgram: string;
  /** Further images on top of updraft. */
  readonly extra?: readonly Recipe[] | undefined;
  /** Layers that a living sandbox will boot from, though nothing of it may be mounted at the moment. */
  readonly spared?: ReadonlySet<string>;
  readonly onStep: OnStep;
};

/** Builds what is not there yet. Two that run at once take turns. */
export async function ensureRoots({
  cache,
  nodeProgram,
  extra = [],
  spared,
  onStep,
}: RootsOptions): Promise<Roots> {
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const onWait = () => onStep({ title: "wait for another build of root file systems" });
  return withLock(cache, onWait, async () => {
    await clearHalfMade(cache);
    const from = await mirror(SUITE);
    const base = await baseLayer(cache, from, onStep);
    const extraLayers = async (below: readonly string[]): Promise<Roots["extra"]> => {
      const layers: [string, string[]][] = [];
      for (const recipe of extra) {
        layers.push([recipe.name, await packageLayer(cache, recipe, below, from, onStep)]);
      }
      return Object.fromEntries(layers);
    };
    const [condor, emulator, packages] = await Promise.allSettled([
      packageLayer(cache, htcondor, base, from, onStep).then(async (layers) => {
        const updraft = await imageLayer(cache, nodeProgram, layers, onStep);
        return { htcondor: layers, updraft, extra: await extraLayers(updraft) };
      }),
      packageLayer(cache, moto, base, from, onStep),
      packageLayer(cache, archive, base, from, onStep),
    ]);
    // Both are awaited even when one fails: nothing goes on building after we have returned.
    if (condor.status === "rejected") throw condor.reason;
    if (emulator.status === "rejected") throw emulator.reason;
    if (packages.status === "rejected") throw packages.reason;
    for (const name of [
      ...extra.map(({ name }) => name),
      plain.name,
      htcondor.name,
      moto.name,
      archive.name,
      "updraft",
    ])
      await removeOldVersions(cache, name, spared);
    return { plain: base, moto: emulator.value, archive: packages.value, ...condor.value };
  });
}

async function baseLayer(cache: string, from: Mirror, onStep: OnStep): Promise<string[]> {
  const key = layerKey([FORMAT, SUITE, process.arch, plain, from]);
  const layer = await stored(cache, plain.name, key, (directory) =>
    step(`root file system ${plain.name} (Debian ${SUITE})`, onStep, async () => {
      const root = `${directory}/root`;
      await run(
        confined([
          "mmdebstrap",
          "--mode=root",
          "--variant=minbase",
          `--include=${plain.packages.join(",")}`,
          "--dpkgopt=force-unsafe-io",
          `--aptopt=APT::Install-Recommends "false"`,
          ...from.aptOptions.map((option) => `--aptopt=${option.replace(/;$/, "")}`),
          SUITE,
          root,
          ...from.sources,
        ]),
        { remedy: "Look whether this machine reaches Debian's archive: apt-get update" },
      );
      return root;
    }),
  );
  return [layer];
}

async function packageLayer(
  cache: string,
  recipe: Recipe,
  below: readonly string[],
  from: Mirror,
  onStep: OnStep,
): Promise<string[]> {
  const script = `
set -e
apt-get -q update
apt-get -q -y --no-install-recommends install ${recipe.packages.join(" ")}
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log
${recipe.script}`;
  const key = layerKey([FORMAT, below, recipe, from, script]);
  const layer = await stored(cache, recipe.name, key, (directory) =>
    step(`root file system ${recipe.name}`, onStep, () => runLayer(directory, below, script)),
  );
  return [layer, ...below];
}

async function imageLayer(
  cache: string,
  nodeProgram: string,
  below: readonly string[],
  onStep: OnStep,
): Promise<string[]> {
  const recipe = await filesBelow(IMAGE_RECIPE);
  const script = "exec /bin/sh /run/input/image/install.sh /run/input/updraft-bootstrap";
  const key = layerKey([FORMAT, below, script, recipe, await sha256(nodeProgram)]);
  const layer = await stored(cache, "updraft", key, (directory) =>
    step("machine image with Updraft", onStep, () =>
      runLayer(directory, below, script, { image: IMAGE_RECIPE, "updraft-bootstrap": nodeProgram }),
    ),
  );
  return [layer, ...below];
}

async function runLayer(
  directory: string,
  below: readonly string[],
  script: string,
  inputs: Readonly<Record<string, string>> = {},
): Promise<string> {
  for (const part of ["upper", "work", "root"]) await mkdir(`${directory}/${part}`);
  await run(
    confined([
      "sh",
      LAYER_SCRIPT,
      below.join(":"),
      directory,
      script,
      ...Object.entries(inputs).map(([name, path]) => `${name}=${path}`),
    ]),
    { remedy: "Look whether this machine reaches Debian's archive: apt-get update" },
  );
  return `${directory}/upper`;
}

/** Names, modes and sums of a recipe's files. */
async function filesBelow(directory: string): Promise<[string, number, string][]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
  return Promise.all(
    files.sort().map(async (path) => {
      const sum = createHash("sha256")
        .update(await readFile(path))
        .digest("hex");
      return [path.slice(directory.length + 1), (await stat(path)).mode, sum];
    }),
  );
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash).catch((error: unknown) => {
    throw new UpdraftError("failed", `cannot read ${path}`, "Build it first: npm run build", error);
  });
  return hash.digest("hex");
}
