import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { readWorkload } from "../../adapters/workload-file.ts";
import { UpdraftError } from "../../core/errors.ts";

const directory = mkdtempSync(join(tmpdir(), "updraft-workload-"));
after(() => rmSync(directory, { recursive: true }));

const file = (name: string, bytes: Uint8Array | string): string => {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
};
const TABLE = `submit_s,runtime_s,cores,user\n${Array.from({ length: 20_000 }, (_, i) => `${i},60,1,Zoë${i % 9}\n`).join("")}`;

const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof UpdraftError && error.kind === "usage" && message.test(error.message);

test("a file is read whole, gzip or not, and gzip in several members", async () => {
  for (const path of [
    file("plain.csv", TABLE),
    file("zipped", gzipSync(TABLE)),
    file("members.gz", Buffer.concat([gzipSync(TABLE.slice(0, 1000)), gzipSync(TABLE.slice(1000))])),
  ]) {
    const { jobs, rows } = await readWorkload(path);
    assert.equal(rows, 20_000);
    assert.equal(jobs.owners.length, 9);
    assert.ok(jobs.owners.includes("Zoë0"));
  }
});

test("what cannot be read is said with the file's name", async () => {
  const zipped = gzipSync(TABLE);
  await assert.rejects(
    readWorkload(file("cut.gz", zipped.subarray(0, zipped.length / 2))),
    refusal(/cut\.gz: /),
  );
  await assert.rejects(readWorkload(join(directory, "none")), refusal(/could not read .*none: ENOENT/));
  await assert.rejects(readWorkload(file("empty", "")), refusal(/empty: the file is empty/));
  await assert.rejects(
    readWorkload(file("bad.csv", "submit_s,runtime_s\n1,x\n")),
    refusal(/bad\.csv: line 2: /),
  );
});
