import assert from "node:assert/strict";
import { test } from "node:test";
import { HookWorld } from "../support/hook.ts";
import { read, tableRows } from "./text.ts";

test("the hook's page has every attribute that the hook publishes, and no other", async () => {
  const world = new HookWorld();
  await world.publish();
  world.waiting(2);
  const published = [...Object.keys(await world.tick()), "MeasuredAt", "SensorAge", "TickSeconds"];
  const page = read("docs/hook.md");
  const named = (heading: string): string[] =>
    tableRows(page, heading).map(([name = ""]) => name.replaceAll("`", ""));
  const estimates = named("estimate").flatMap((name) =>
    ["", "Low", "High", "Source"].map((part) => name + part),
  );
  const documented = [...named("attribute"), ...estimates];
  assert.deepEqual(documented.sort(), published.sort());
});
