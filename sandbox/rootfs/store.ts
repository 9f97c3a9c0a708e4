import { createHash } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { mountedFrom } from "../processes.ts";
import { run } from "../run.ts";

/** Older versions of a layer that are kept, for working copies that take turns. */
const KEPT_VERSIONS = 2;
const BUILDING = ".building-";

/** What a layer is made from, in any shape that JSON can hold. Equal ingredients make the same layer. */
export function layerKey(ingredients: unknown): string {
  return createHash("sha256").update(JSON.stringify(ingredients)).digest("hex").slice(0, 16);
}

/** What a crash left half made. The caller holds the store's lock. */
export async function clearHalfMade(store: string): Promise<void> {
  for (const name of await readdir(store))
    if (name.startsWith(BUILDING)) await rm(`${store}/${name}`, { recursive: true, force: true });
}

/**
 * The directory of layer `name` with this key, built when it is not there: `build` fills in a
 * directory and returns which part of it is the layer. Only a whole layer ever gets its final name.
 */
export async function stored(
  store: string,
  name: string,
  key: string,
  build: (directory: string) => Promise<string>,
): Promise<string> {
  const layer = `${store}/${name}-${key}`;
  if (!(await exists(layer))) {
    const directory = `${store}/${BUILDING}${name}-${key}`;
    await mkdir(directory, { recursive: true });
    const made = await build(directory);
    await run(["sync", "--file-system", made]);
    await rename(made, layer);
    await rm(directory, { recursive: true, force: true });
  }
  const now = new Date();
  await utimes(layer, now, now);
  return layer;
}

/** Removes the versions of a layer that were not used for longest, unless one is spared or something is mounted from it. */
export async function removeOldVersions(
  store: string,
  name: string,
  spared: ReadonlySet<string> = new Set(),
): Promise<void> {
  const versions: { path: string; used: number }[] = [];
  for (const entry of await readdir(store)) {
    if (!entry.startsWith(`${name}-`) || !/^[0-9a-f]{16}$/.test(entry.slice(name.length + 1))) continue;
    const path = `${store}/${entry}`;
    versions.push({ path, used: (await stat(path)).mtimeMs });
  }
  const old = versions.sort((a, b) => b.used - a.used).slice(1 + KEPT_VERSIONS);
  if (old.length === 0) return;
  const inUse = await mountedFrom(old.map(({ path }) => path));
  for (const { path } of old)
    if (!inUse.has(path) && !spared.has(path)) await rm(path, { recursive: true, force: true });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
