import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import { unlessLocked, withLock } from "../../sandbox/lock.ts";

describe("a directory's lock", () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(`${tmpdir()}/updraft-lock-`)));
  after(() => rm(directory, { recursive: true }));

  const hold = (events: string[], name: string, milliseconds: number) =>
    withLock(
      directory,
      () => events.push(`${name} waits`),
      async () => {
        events.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        events.push(`${name} ends`);
      },
    );

  test("is held by one at a time, and who waits long is told", async () => {
    const events: string[] = [];
    const first = hold(events, "a", 1500);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await Promise.all([first, hold(events, "b", 0)]);
    assert.deepEqual(events, ["a begins", "b waits", "a ends", "b begins", "b ends"]);
  });

  test("can be left alone when another holds it", async () => {
    const events: string[] = [];
    const note = async () => void events.push("done");
    const first = hold(events, "a", 300);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await unlessLocked(directory, note);
    await first;
    assert.deepEqual(events, ["a begins", "a ends"]);
    await unlessLocked(directory, note);
    assert.deepEqual(events, ["a begins", "a ends", "done"]);
  });

  test("is free again after work that failed", async () => {
    const failing = withLock(
      directory,
      () => {},
      () => Promise.reject(new Error("no")),
    );
    await assert.rejects(failing, /no/);
    const events: string[] = [];
    await hold(events, "a", 0);
    assert.deepEqual(events, ["a begins", "a ends"]);
  });
});
