import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { journalFile } from "../../adapters/journal-file.ts";
import { formatEntry } from "../../core/journal.ts";
import { entry } from "../support/journal.ts";

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "updraft-journal-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("an entry is a file of its own, for its user only, and is gone when it is settled", async (t) => {
  const path = await directory(t);
  const journal = journalFile(path);
  await journal.write(entry());
  await journal.write(entry({ orderId: "0000000000000002" }));
  await journal.write(entry({ answer: { at: 5, instanceIds: ["i-1"] } }));
  const { entries, unreadable } = await journal.read();
  assert.deepEqual(unreadable, []);
  assert.deepEqual(entries, [
    entry({ answer: { at: 5, instanceIds: ["i-1"] } }),
    entry({ orderId: "0000000000000002" }),
  ]);
  assert.equal((await stat(join(path, "order-0000000000000001.json"))).mode & 0o777, 0o600);
  await journal.remove("0000000000000001");
  await journal.remove("0000000000000001");
  assert.deepEqual(await readdir(path), ["order-0000000000000002.json"]);
});

test("what cannot be believed is named with its file, and what is no entry is passed over", async (t) => {
  const path = await directory(t);
  await writeFile(join(path, "order-aa.json"), formatEntry(entry()).slice(0, 50));
  await writeFile(join(path, "order-bb.json"), formatEntry(entry()));
  await writeFile(join(path, "order-cc.json"), "x".repeat(2 * 1024 * 1024));
  await symlink("/etc/passwd", join(path, "order-dd.json"));
  await mkdir(join(path, "order-ee.json"));
  await writeFile(join(path, "state.json"), "{}");
  await writeFile(join(path, ".order-ff.json.1.tmp"), "half");
  const { entries, unreadable } = await journalFile(path).read();
  assert.deepEqual(entries, []);
  assert.deepEqual(
    unreadable.map((text) => text.slice(path.length + 1)),
    [
      "order-aa.json: it is cut short",
      "order-bb.json: it is of order 0000000000000001",
      "order-cc.json: it is no file of a journal",
      unreadable[3]?.slice(path.length + 1),
      "order-ee.json: it is no file of a journal",
    ],
  );
  assert.match(unreadable[3] ?? "", /order-dd\.json: ELOOP/);
});

test("a directory that is not there holds no order, and takes none", async (t) => {
  const path = join(await directory(t), "none");
  const journal = journalFile(path);
  assert.deepEqual(await journal.read(), { entries: [], unreadable: [] });
  await assert.rejects(journal.write(entry()), { kind: "failed" });
  await assert.rejects(journal.remove("1"), { kind: "config" });
});

test("an order id that is no file name is refused", async (t) => {
  const journal = journalFile(await directory(t));
  await assert.rejects(journal.write(entry({ orderId: "../x" })), /names no file/);
});

test("what root writes belongs to the directory's owner", { skip: process.getuid?.() !== 0 }, async (t) => {
  const path = await directory(t);
  await chown(path, 100, 101);
  await chmod(path, 0o700);
  await journalFile(path).write(entry());
  const { uid, gid } = await stat(join(path, "order-0000000000000001.json"));
  assert.deepEqual([uid, gid], [100, 101]);
});
