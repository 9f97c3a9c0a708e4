import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { withLock } from "../../adapters/lock.ts";

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "updraft-lock-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const LOCK = fileURLToPath(new URL("../../adapters/lock.ts", import.meta.url));

/** Another process that holds the lock until it is killed. */
async function holder(path: string) {
  const script = `import { withLock } from ${JSON.stringify(LOCK)};
    await withLock(${JSON.stringify(path)}, 5, () => { console.log("held"); return new Promise((r) => setTimeout(r, 60000)); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

test("two works never overlap, and the second waits", async (t) => {
  const path = await directory(t);
  const steps: string[] = [];
  const work = (name: string) =>
    withLock(path, 5, async () => {
      steps.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      steps.push(`${name} ends`);
    });
  await Promise.all([work("a"), work("b")]);
  assert.deepEqual(
    steps.map((step) => step.slice(2)),
    ["begins", "ends", "begins", "ends"],
  );
});

test("one that waits too long gives up and says why, and a killed holder holds nothing", async (t) => {
  const path = await directory(t);
  const child = await holder(path);
  await assert.rejects(
    withLock(path, 0, async () => {}),
    /another run of Updraft holds/,
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(await withLock(path, 0, async () => 7), 7);
});

test("the lock is given back when the work fails", async (t) => {
  const path = await directory(t);
  await assert.rejects(
    withLock(path, 0, () => Promise.reject(new Error("x"))),
    /x/,
  );
  assert.equal(await withLock(path, 0, async () => 7), 7);
});

test("a directory that is not there is told with what makes it", async (t) => {
  const path = join(await directory(t), "none");
  await assert.rejects(
    withLock(path, 0, async () => {}),
    { kind: "config" },
  );
});
