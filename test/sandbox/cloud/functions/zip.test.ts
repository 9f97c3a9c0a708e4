import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { unzip, zipOf } from "../../../../sandbox/cloud/functions/zip.ts";

const directory = mkdtempSync(join(tmpdir(), "updraft-zip-"));
after(() => rmSync(directory, { recursive: true }));

test("What is zipped comes out again", () => {
  const content = Buffer.from("exports.handler = () => 'é'\n");
  unzip(zipOf("index.js", content), directory);
  assert.deepEqual(readFileSync(join(directory, "index.js")), content);
});

test("An archive that leaves its directory, or is none, is refused", () => {
  assert.throws(() => unzip(zipOf("../evil", Buffer.from("x")), directory), /leaves/);
  assert.throws(() => unzip(Buffer.from("nonsense"), directory), /not a zip/);
});
