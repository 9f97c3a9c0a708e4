import assert from "node:assert/strict";
import { test } from "node:test";
import { localName } from "../../core/local-name.ts";

test("a schedd is meant by its local name, and the one without by its subsystem's name or none at all", () => {
  assert.equal(localName({ UPDRAFT_LOCAL_NAME: "other", SCHEDD_CRON_NAME: "schedd" }), "other");
  assert.equal(localName({ UPDRAFT_LOCAL_NAME: "SCHEDD", SCHEDD_CRON_NAME: "schedd" }), undefined);
  assert.equal(localName({ UPDRAFT_LOCAL_NAME: "" }), undefined);
  assert.equal(localName({}), undefined);
});

test("a hook that a schedd has started without saying which it is refuses to guess", () => {
  assert.throws(() => localName({ SCHEDD_CRON_NAME: "schedd" }), {
    kind: "config",
    message: /does not say which it is/,
    remedy: /schedd-cron\.config/,
  });
});

test("what is no name is refused", () => {
  for (const UPDRAFT_LOCAL_NAME of ["a b", ".*", "-local-name other", "a.b"]) {
    assert.throws(() => localName({ UPDRAFT_LOCAL_NAME }), { kind: "config" }, UPDRAFT_LOCAL_NAME);
  }
});
