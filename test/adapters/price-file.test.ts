import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { priceFile } from "../../adapters/price-file.ts";
import { formatPrices } from "../../core/prices.ts";
import { BOOK } from "../support/cloud.ts";

const embedded = (): string => formatPrices([BOOK]);

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "updraft-prices-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

test("the embedded prices hold until others are kept, region by region", async (t) => {
  const at = await directory(t);
  const file = priceFile(at, embedded);
  assert.deepEqual(await file.book("us-east-1"), BOOK);
  const london = { ...BOOK, region: "eu-west-2", date: "2031-01-01" };
  await file.keep(london);
  assert.deepEqual(await file.book("us-east-1"), BOOK);
  assert.deepEqual(await file.book("eu-west-2"), london);
  const newer = { ...BOOK, date: "2031-02-02" };
  await file.keep(newer);
  assert.deepEqual(await file.book("us-east-1"), newer);
  assert.deepEqual(await file.book("eu-west-2"), london);
});

test("a damaged file is refused and said, and neither believed nor overwritten", async (t) => {
  const at = await directory(t);
  const path = join(at, "prices.json");
  const file = priceFile(at, embedded);
  for (const damage of ["", "{", embedded().replace("0.1,", "0,")]) {
    await writeFile(path, damage);
    await assert.rejects(file.book("us-east-1"), {
      kind: "config",
      message: /the prices in .*prices\.json cannot be used: /,
      remedy: /^Remove the file/,
    });
    await assert.rejects(file.keep(BOOK), { kind: "config" });
    assert.equal(await readFile(path, "utf8"), damage);
  }
  await rm(path);
  await mkdir(path);
  await assert.rejects(file.book("us-east-1"), { kind: "config", message: /EISDIR/ });
});

test("an embedded catalogue that cannot be read is a fault of ours", async (t) => {
  const file = priceFile(await directory(t), () => "{}");
  await assert.rejects(file.book("us-east-1"), {
    name: "Error",
    message: /the embedded catalogue: its format/,
  });
});
