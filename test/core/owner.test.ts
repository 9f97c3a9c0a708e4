import assert from "node:assert/strict";
import { test } from "node:test";
import { checkOwner, formatOwner, parseOwner } from "../../core/owner.ts";

const CLAIM = {
  annex: "burst",
  pool: "pool.test",
  schedd: "cm.pool.test",
  account: "1",
  region: "us-east-1",
};

test("a claim is read back as it was written", () => {
  assert.deepEqual(parseOwner(formatOwner(CLAIM)), CLAIM);
});

test("our own claim is ours, also when something stands in it that a later version wrote", () => {
  checkOwner(formatOwner(CLAIM), CLAIM);
  checkOwner(JSON.stringify({ ...CLAIM, later: 1 }), CLAIM);
});

test("a claim that differs in anything is another's", () => {
  for (const field of ["pool", "schedd", "account", "region", "annex"] as const) {
    assert.throws(
      () => checkOwner(formatOwner({ ...CLAIM, [field]: "other" }), CLAIM),
      { kind: "denied" },
      field,
    );
  }
  assert.throws(
    () => checkOwner(formatOwner({ ...CLAIM, pool: "pool2.test" }), CLAIM),
    /belongs to schedd cm\.pool\.test of pool pool2\.test, not to schedd cm\.pool\.test of pool pool\.test/,
  );
});

test("a claim that cannot be read is nobody's to take", () => {
  for (const text of ["", "null", "[]", "{}", '{"pool": 1}']) {
    assert.equal(parseOwner(text), undefined);
    assert.throws(() => checkOwner(text, CLAIM), { kind: "failed" });
  }
});
