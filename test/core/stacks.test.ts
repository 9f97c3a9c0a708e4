import assert from "node:assert/strict";
import { test } from "node:test";
import { accountSetup, annexSetup, checkPool, isUseless, templateBody } from "../../core/stacks.ts";
import { World } from "../support/cloud.ts";

const stacks = new World().stacks;
const account = stacks.get("updraft");
const annex = stacks.get("updraft-burst");

test("what the stacks made is read from their outputs and parameters", () => {
  assert.deepEqual(accountSetup(account, "us-east-1"), { bucket: "updraft-bucket", maxLeaseSeconds: 604800 });
  assert.deepEqual(annexSetup(annex, "burst", "pool.test"), {
    pool: "pool.test",
    roleId: "AROA1",
    template: { id: "lt-1", version: "1" },
    burstableTemplate: { id: "lt-2", version: "1" },
    directFrom: "",
  });
  assert.ok(annex);
  const direct = { ...annex, outputs: { ...annex.outputs, DirectFrom: "203.0.113.0/24" } };
  assert.equal(annexSetup(direct, "burst", "pool.test").directFrom, "203.0.113.0/24");
});

test("a stack without the parameter has the default", () => {
  assert.equal(
    accountSetup({ status: "UPDATE_COMPLETE", parameters: {}, outputs: { Bucket: "b" } }, "r")
      .maxLeaseSeconds,
    604800,
  );
});

test("a stack that is missing or broken is told with the command that mends it", () => {
  assert.throws(() => accountSetup(undefined, "us-east-1"), {
    kind: "config",
    message: /no stack updraft/,
    remedy: "Run: updraft setup --region us-east-1",
  });
  const broken = { status: "ROLLBACK_COMPLETE", parameters: {}, outputs: {} };
  assert.throws(() => accountSetup(broken, "us-east-1"), /stack updraft is ROLLBACK_COMPLETE/);
  assert.throws(() => annexSetup(undefined, "burst", "pool.test"), {
    remedy: "Run: updraft setup --annex burst",
  });
  assert.throws(() => annexSetup(broken, "burst", "pool.test"), /stack updraft-burst is ROLLBACK_COMPLETE/);
});

test("another pool's stack is refused", () => {
  assert.throws(() => annexSetup(annex, "burst", "pool2.test"), {
    kind: "denied",
    message: /for pool pool\.test, not for pool pool2\.test/,
  });
  checkPool({ status: "CREATE_COMPLETE", parameters: {}, outputs: {} }, "burst", "any");
});

test("a template's length is counted in bytes as they are sent", () => {
  const text = (length: number): object => ({ x: "é€😀" + "a".repeat(length) });
  const fits = 50_000 - JSON.stringify({ x: "" }).length - 9;
  const body = templateBody(text(fits));
  assert.equal(new TextEncoder().encode(body).length, 50_000);
  assert.throws(() => templateBody(text(fits + 1)), /50001 bytes/);
});

test("only a stack without anything that works is useless", () => {
  const of = (status: string) => isUseless({ status, parameters: {}, outputs: {} });
  assert.deepEqual(["ROLLBACK_COMPLETE", "DELETE_FAILED", "UPDATE_ROLLBACK_COMPLETE"].map(of), [
    true,
    true,
    false,
  ]);
});
