import assert from "node:assert/strict";
import {
  appendFile,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ledgerFile } from "../../adapters/ledger-file.ts";
import { formatRecords, type LedgerRecord } from "../../core/ledger.ts";

const end = (id: string): LedgerRecord => ({ ended: { id, at: 1 } });

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "updraft-ledger-"));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

test("records are appended, and only their owner can read them", async (t) => {
  const at = await directory(t);
  const ledger = ledgerFile(at);
  assert.deepEqual(await ledger.read(), { records: [], unreadable: 0 });
  await ledger.append([end("i-1"), end("i-2")]);
  await ledger.append([end("i-3")]);
  assert.deepEqual(await ledger.read(), { records: [end("i-1"), end("i-2"), end("i-3")], unreadable: 0 });
  assert.equal((await stat(join(at, "ledger.jsonl"))).mode & 0o777, 0o600);
});

test("a line that was torn by a power cut is counted, and swallows no later one", async (t) => {
  const at = await directory(t);
  const ledger = ledgerFile(at);
  await ledger.append([end("i-1"), end("i-2")]);
  const path = join(at, "ledger.jsonl");
  await truncate(path, (await readFile(path)).length - 5);
  await ledger.append([end("i-3")]);
  assert.deepEqual(await ledger.read(), { records: [end("i-1"), end("i-3")], unreadable: 1 });
});

test("a full file becomes the older one, and no third is kept", async (t) => {
  const at = await directory(t);
  const ledger = ledgerFile(at, 60);
  for (const id of ["i-1", "i-2", "i-3", "i-4", "i-5"]) await ledger.append([end(id)]);
  assert.deepEqual((await readdir(at)).sort(), ["ledger.1.jsonl", "ledger.jsonl"]);
  const { records } = await ledger.read();
  assert.deepEqual(records, [end("i-3"), end("i-4"), end("i-5")]);
});

test("of a long ledger the records of some instances are told, the older file's first, and a torn line is none", async (t) => {
  const at = await directory(t);
  assert.deepEqual(await ledgerFile(at).of(new Set(["i-1"])), []);
  const ids = Array.from({ length: 20_000 }, (_, i) => `i-${i}`);
  await writeFile(join(at, "ledger.1.jsonl"), formatRecords(ids.map(end)));
  const ledger = ledgerFile(at);
  const later: LedgerRecord = { ended: { id: "i-7", at: 2 } };
  await ledger.append([later, end("é-1")]);
  await appendFile(join(at, "ledger.jsonl"), '{"ended":{"id":"i-9","at');
  const found = await ledger.of(new Set(["i-9", "i-19999", "i-7", "é-1"]));
  assert.deepEqual(found, [end("i-7"), end("i-9"), end("i-19999"), later, end("é-1")]);
  assert.deepEqual(await ledger.of(new Set()), []);
});

test("a directory that is not there, and a link in the file's place, are told with what to do", async (t) => {
  const at = await directory(t);
  await assert.rejects(ledgerFile(join(at, "none")).append([end("i-1")]), {
    kind: "config",
    message: /the ledger in .*none cannot be used/,
  });
  await writeFile(join(at, "victim"), "");
  await symlink(join(at, "victim"), join(at, "ledger.jsonl"));
  await assert.rejects(ledgerFile(at).append([end("i-1")]), { kind: "config" });
  assert.equal(await readFile(join(at, "victim"), "utf8"), "");
  await appendFile(join(at, "x"), "");
  await assert.rejects(ledgerFile(join(at, "x")).read(), { kind: "config", message: /cannot be used/ });
});
