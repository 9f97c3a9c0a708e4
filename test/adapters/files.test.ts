import assert from "node:assert/strict";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { clearDrafts, readConfigFiles, readSecretFile, writeAtomically } from "../../adapters/files.ts";

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "updraft-files-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test("a file is replaced as a whole, with its mode, and nothing else is left", async (t) => {
  const path = await directory(t);
  await writeFile(join(path, "f"), "old", { mode: 0o644 });
  await writeAtomically(join(path, "f"), "new");
  assert.equal(await readFile(join(path, "f"), "utf8"), "new");
  assert.equal((await stat(join(path, "f"))).mode & 0o777, 0o600);
  await writeAtomically(join(path, "g"), new Uint8Array([1]), 0o644);
  assert.equal((await stat(join(path, "g"))).mode & 0o777, 0o644);
  assert.deepEqual(await readdir(path), ["f", "g"]);
});

test("a file that cannot be written leaves the old one and no half", async (t) => {
  const path = await directory(t);
  await mkdir(join(path, "f"));
  await assert.rejects(writeAtomically(join(path, "f"), "new"), { kind: "failed" });
  assert.deepEqual(await readdir(path), ["f"]);
  await assert.rejects(writeAtomically(join(path, "none", "f"), "new"), { kind: "failed" });
});

test("what a killed run was writing is cleared away, and nothing else", async (t) => {
  const path = await directory(t);
  const kept = [".f.tmp", ".hidden", "f.1234.tmp", "lock", "order-1.json"];
  for (const name of [...kept, ".order-1.json.1234.tmp", ".state.json.7.tmp"])
    await writeFile(join(path, name), "");
  await clearDrafts(path);
  assert.deepEqual((await readdir(path)).sort(), kept);
});

test("a secret is read from a file that only its owner may read, also through a link", async (t) => {
  const path = await directory(t);
  await writeFile(join(path, "POOL"), new Uint8Array([0xde, 0, 0xff]), { mode: 0o600 });
  assert.deepEqual(await readSecretFile(join(path, "POOL")), new Uint8Array([0xde, 0, 0xff]));
  await symlink("POOL", join(path, "link"));
  assert.equal((await readSecretFile(join(path, "link"))).length, 3);
});

test("a secret that HTCondor would not read is refused for the same reason", async (t) => {
  const path = await directory(t);
  const file = join(path, "POOL");
  await assert.rejects(readSecretFile(file), { kind: "config", message: /there is no file/ });
  await writeFile(file, "", { mode: 0o600 });
  await assert.rejects(readSecretFile(file), /it is empty/);
  await writeFile(file, "x".repeat(70_000));
  await assert.rejects(readSecretFile(file), /too long/);
  await writeFile(file, "secret");
  for (const mode of [0o640, 0o604, 0o610]) {
    await chmod(file, mode);
    await assert.rejects(readSecretFile(file), { kind: "denied", message: /others may read it/ });
  }
  await assert.rejects(readSecretFile(path), /it is not a file/);
});

test("a secret of another user is refused", { skip: process.getuid?.() !== 0 }, async (t) => {
  const path = await directory(t);
  await writeFile(join(path, "POOL"), "secret", { mode: 0o600 });
  await chown(join(path, "POOL"), 65534, 65534);
  await assert.rejects(readSecretFile(join(path, "POOL")), {
    kind: "denied",
    message: /belongs to user 65534, not to 0/,
  });
});

test("a directory's files are read by name, hidden ones and directories left out", async (t) => {
  const path = await directory(t);
  await writeFile(join(path, "a.config"), "A = 1\n");
  await writeFile(join(path, ".hidden"), "x");
  await mkdir(join(path, "sub"));
  assert.deepEqual(await readConfigFiles(path, "K"), { "a.config": "A = 1\n" });
  await assert.rejects(readConfigFiles(join(path, "none"), "UPDRAFT_burst_CONFIG_DIR"), {
    kind: "config",
    remedy: "Correct UPDRAFT_burst_CONFIG_DIR.",
  });
});
