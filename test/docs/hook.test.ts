import assert from "node:assert/strict";
import { test } from "node:test";
import { HookWorld } from "../support/hook.ts";
import { read, tableRows } from "./text.ts";

test("the hook's page has every attribute that the hook publishes, and no other", async () => {
  const world = new HookWorld();
  await world.publish();
  world.waiting(2);
  const published = [...Object.keys(await world.tick()), "MeasuredAt", "TickSeconds"];
  const documented = tableRows(read("docs/hook.md"), "attribute").map(([name]) => name?.replaceAll("`", ""));
  assert.deepEqual(documented.sort(), published.sort());
});
