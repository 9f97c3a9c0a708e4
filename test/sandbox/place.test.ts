import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cacheDirectory, place } from "../../sandbox/place.ts";

describe("where a sandbox is", () => {
  test("is below one directory that the environment may name", () => {
    assert.equal(place("a", {}).controlSocket, "/var/lib/updraft-sandbox/a/control.sock");
    assert.equal(place("a", { UPDRAFT_SANDBOX_DIR: "/srv/x/" }).directory, "/srv/x/a");
    assert.equal(cacheDirectory({ UPDRAFT_SANDBOX_CACHE: "" }), "/var/cache/updraft-sandbox");
  });

  for (const name of ["", "A", "../a", "a/b", "-a", "a b", "a".repeat(32)])
    test(`cannot be named "${name}"`, () => {
      assert.throws(() => place(name, {}), { kind: "usage" });
    });

  for (const directory of ["relative", "/with blank", "/with:colon", "/with,comma", "/with\\slash"])
    test(`cannot be in "${directory}", which no overlay mount takes`, () => {
      assert.throws(() => place("a", { UPDRAFT_SANDBOX_DIR: directory }), { kind: "config" });
    });

  test("is refused where the control socket's path would be cut off", () => {
    assert.throws(() => place("a", { UPDRAFT_SANDBOX_DIR: `/${"x".repeat(95)}` }), /too long/);
    assert.doesNotThrow(() => place("a", { UPDRAFT_SANDBOX_DIR: `/${"x".repeat(91)}` }));
  });
});
