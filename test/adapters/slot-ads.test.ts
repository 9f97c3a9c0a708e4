import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { slotAdFiles } from "../../adapters/slot-ads.ts";
import { UpdraftError } from "../../core/errors.ts";

const IMAGE = "ami-0123456789abcdef0";
/** As `condor_status -json` prints what it has read. */
const AD = '[\n{\n  "Arch": "X86_64",\n  "HasFileTransfer": true\n}\n]\n';

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "updraft-slot-ads-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("what an image has recorded of its slot is read by HTCondor, in the form in which it was recorded", async (t) => {
  const path = await directory(t);
  const asked: string[] = [];
  const files = slotAdFiles(async (program, args) => {
    asked.push([program, ...args].join(" "));
    return AD;
  }, path);
  assert.equal(await files.recorded(IMAGE), undefined);
  assert.deepEqual(asked, [], "of a file that is not there HTCondor is asked nothing");
  await writeFile(join(path, `${IMAGE}.ad`), 'Arch = "X86_64"\nHasFileTransfer = true\n');
  assert.deepEqual(
    [...((await files.recorded(IMAGE)) ?? [])],
    [
      ["arch", "X86_64"],
      ["hasfiletransfer", true],
    ],
  );
  assert.deepEqual(asked, [`condor_status -ads:long ${path}/${IMAGE}.ad -json`]);
  assert.equal((await files.recorded(IMAGE))?.get("arch"), "X86_64");
  assert.equal(asked.length, 1, "what HTCondor made of it is kept");
  await utimes(join(path, `${IMAGE}.ad`), new Date(), new Date(Date.now() + 60_000));
  await files.recorded(IMAGE);
  assert.equal(asked.length, 2, "one that was recorded later is read anew");
  await writeFile(join(path, "ami-1.json"), '{ "Arch": "aarch64" }');
  assert.equal((await files.recorded("ami-1"))?.get("arch"), "aarch64", "JSON does as well");
});

test("a recorded ad that HTCondor cannot read, or makes nothing of, is none", async (t) => {
  const path = await directory(t);
  await writeFile(join(path, `${IMAGE}.ad`), "garbage");
  for (const said of ["", "[\n]\n", "[\n{\n  x\n}\n]\n"]) {
    assert.equal(await slotAdFiles(async () => said, path).recorded(IMAGE), undefined, said);
  }
  const failing = slotAdFiles(async () => {
    throw new UpdraftError("failed", "m", "r");
  }, path);
  assert.equal(await failing.recorded(IMAGE), undefined);
});
