import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { refusalsFile } from "../../adapters/refusals-file.ts";
import type { Refusal } from "../../core/fleet-errors.ts";

const FULL: Refusal = {
  region: "us-east-1",
  code: "InsufficientInstanceCapacity",
  until: 1_900_000_000,
  market: "spot",
  type: "m5.large",
  zone: "us-east-1a",
};

async function place(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), "updraft-refusals-"));
  t.after(() => rm(directory, { recursive: true }));
  const said: string[] = [];
  return {
    directory,
    said,
    file: join(directory, "refusals.json"),
    refusals: refusalsFile(directory, (line) => void said.push(line)),
  };
}

test("what was refused is read again by whoever comes next; before there is nothing, which is no trouble", async (t) => {
  const { refusals, directory, said, file } = await place(t);
  assert.deepEqual(await refusals.read(), []);
  await refusals.write([FULL]);
  assert.deepEqual(await refusalsFile(directory, () => undefined).read(), [FULL]);
  assert.deepEqual(said, []);
  assert.match(await readFile(file, "utf8"), /\n$/);
});

test("garbage is forgotten, which is said, and replaced by the next refusal", async (t) => {
  const { refusals, file, said } = await place(t);
  for (const garbage of ["", "{", '{"format":9}', "\0\0", '{"format":1,"refusals":[{}]}']) {
    await writeFile(file, garbage);
    assert.deepEqual(await refusals.read(), []);
    assert.match(said.pop() ?? "", /refusals\.json holds no refusals of EC2/);
  }
  await refusals.write([FULL]);
  assert.deepEqual(await refusals.read(), [FULL]);
});

test("a memory that can be neither read nor written stops nothing", async (t) => {
  const { refusals, file, said } = await place(t);
  await mkdir(file);
  assert.deepEqual(await refusals.read(), []);
  assert.match(said.pop() ?? "", /cannot be read/);
  await refusals.write([FULL]);
  assert.match(said.pop() ?? "", /could not write/);
});
