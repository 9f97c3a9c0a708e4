import assert from "node:assert/strict";
import { test } from "node:test";
import * as storage from "../../core/storage.ts";

test("everything of an annex stands under its own prefix, and its reports do not", () => {
  const own = [
    storage.ownerKey("burst"),
    storage.manifestKey("burst"),
    storage.configKey("burst", "ab"),
    storage.credentialKey("burst", "ab"),
  ];
  assert.deepEqual(own, [
    "annexes/burst/owner",
    "annexes/burst/annex.ini",
    "annexes/burst/config/ab.tar.gz",
    "annexes/burst/credential/ab",
  ]);
  assert.equal(storage.programKey("ab"), "bin/ab/updraft-bootstrap");
  assert.equal(storage.reportKey("burst", "AROA1:i-1"), "reports/burst/AROA1:i-1");
});
