import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rememberingTemplates } from "../../adapters/template-memory.ts";
import type { Matchmaking } from "../../core/sensors.ts";

test("what slots to come would take is asked again when jobs or slots are others, and after five minutes", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "updraft-templates-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, "kept.json");
  let now = 1000;
  let asked = 0;
  const matches: Matchmaking = {
    freeSlots: async () => [],
    idleAnnexSlots: async () => [],
    templates: async (ads) => (asked++, ads.map(() => asked)),
  };
  const look = async (ads: readonly string[], slots: readonly string[]): Promise<readonly number[]> =>
    rememberingTemplates(matches, file, () => now).templates(ads, slots);
  assert.deepEqual(await look(["[ a ]"], ["[ s ]"]), [1]);
  assert.deepEqual(await look(["[ a ]"], ["[ s ]"]), [1]);
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ s ]"]), [2, 2]);
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ t ]"]), [3, 3]);
  now += 301;
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ t ]"]), [4, 4]);
  now -= 900;
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ t ]"]), [5, 5], "a time to come is of a wrong clock");
  await writeFile(file, "{");
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ t ]"]), [6, 6]);
});
