import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  checkOwnStateDirectory,
  ownStateDirectory,
  prepareOwnStateDirectory,
  sharesState,
} from "../../adapters/state-directory.ts";

const base = mkdtempSync(join(tmpdir(), "updraft-state-"));
after(() => rmSync(base, { recursive: true }));
const uid = process.getuid?.() ?? 0;
const asRoot = { skip: uid === 0 ? false : "needs root to give a directory away" };

function directory(name: string, mode: number, owner = uid): string {
  const path = join(base, name);
  mkdirSync(path);
  chmodSync(path, mode);
  if (owner !== uid) chownSync(path, owner, owner);
  return path;
}

test(
  "root, HTCondor's user and the directory's owner share the access point's state, and nobody else",
  asRoot,
  async () => {
    const spool = directory("spool", 0o755, 4001);
    const state = directory("state", 0o700, 4002);
    for (const [user, shares] of [
      [0, true],
      [4001, true],
      [4002, true],
      [4003, false],
    ] as const)
      assert.equal(await sharesState(state, spool, user), shares, String(user));
    assert.equal(await sharesState(join(base, "none"), join(base, "none"), 4003), false);
  },
);

test("a user's own directory is where the XDG base directories have it", () => {
  assert.equal(ownStateDirectory({}, "/home/alice"), "/home/alice/.local/state/updraft");
  assert.equal(ownStateDirectory({ XDG_STATE_HOME: "/state" }, "/home/alice"), "/state/updraft");
  for (const XDG_STATE_HOME of ["", "state", "./state"])
    assert.equal(ownStateDirectory({ XDG_STATE_HOME }, "/home/alice"), "/home/alice/.local/state/updraft");
});

test("a user's own directory is made with all above it, for nobody else to see, and taken again", async () => {
  const path = join(base, "home/.local/state/updraft");
  await checkOwnStateDirectory(path, uid);
  assert.ok(!existsSync(path), "looking makes nothing");
  await prepareOwnStateDirectory(path, uid);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  await prepareOwnStateDirectory(path, uid);
});

test("a directory that another could write into is refused, and one that others may read is not", async () => {
  for (const mode of [0o770, 0o720, 0o702, 0o777]) {
    const path = directory(`mode-${mode.toString(8)}`, mode);
    await assert.rejects(prepareOwnStateDirectory(path, uid), {
      kind: "denied",
      message: new RegExp(`others may write there \\(mode ${mode.toString(8)}\\)`),
      remedy: `Run: chmod 700 ${path}`,
    });
  }
  await prepareOwnStateDirectory(directory("mode-755", 0o755), uid);
});

test("a directory of somebody else is refused", asRoot, async () => {
  const path = directory("foreign", 0o700, 4001);
  await assert.rejects(prepareOwnStateDirectory(path, 4003), {
    kind: "denied",
    message: /it belongs to user 4001, not to 4003/,
  });
});

test("what is no directory is refused", async () => {
  const path = join(base, "file");
  writeFileSync(path, "");
  await assert.rejects(prepareOwnStateDirectory(path, uid), { kind: "denied", message: /EEXIST/ });
  await assert.rejects(prepareOwnStateDirectory(join(path, "updraft"), uid), {
    kind: "denied",
    message: /ENOTDIR/,
  });
});
