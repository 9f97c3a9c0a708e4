import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, test } from "node:test";
import { clearHalfMade, layerKey, removeOldVersions, stored } from "../../../sandbox/rootfs/store.ts";

describe("the store of root file systems", () => {
  let store: string;
  beforeEach(async () => (store = await mkdtemp(`${tmpdir()}/updraft-store-`)));
  afterEach(() => rm(store, { recursive: true }));

  const build = async (directory: string) => {
    await mkdir(`${directory}/root`);
    await writeFile(`${directory}/root/file`, "");
    return `${directory}/root`;
  };

  test("builds a layer once for each key", async () => {
    let built = 0;
    const counting = (directory: string) => (built++, build(directory));
    const first = await stored(store, "base", layerKey(["a"]), counting);
    assert.equal(await stored(store, "base", layerKey(["a"]), counting), first);
    assert.notEqual(await stored(store, "base", layerKey(["b"]), counting), first);
    assert.equal(built, 2);
    assert.deepEqual(await readdir(first), ["file"]);
  });

  test("never takes what a failed build left for a layer, and clears it away", async () => {
    const key = layerKey(["a"]);
    const failing = async (directory: string) => {
      await build(directory);
      throw new Error("power cut");
    };
    await assert.rejects(stored(store, "base", key, failing), /power cut/);
    assert.deepEqual(await readdir(store), [`.building-base-${key}`]);
    await clearHalfMade(store);
    assert.deepEqual(await readdir(store), []);
    assert.deepEqual(await readdir(await stored(store, "base", key, build)), ["file"]);
  });

  test("keeps the three versions that were used last, one that is spared, and other layers", async () => {
    const used: string[] = [];
    for (const [day, ingredient] of ["a", "b", "c", "d", "e"].entries()) {
      const layer = await stored(store, "base", layerKey([ingredient]), build);
      await utimes(layer, day * 86400, day * 86400);
      used.push(layer.slice(store.length + 1));
    }
    const other = await stored(store, "base-other", layerKey(["a"]), build);
    await removeOldVersions(store, "base", new Set([`${store}/${used[0]}`]));
    const expected = [used[0] ?? "", ...used.slice(2), other.slice(store.length + 1)];
    assert.deepEqual((await readdir(store)).sort(), expected.sort());
  });
});
