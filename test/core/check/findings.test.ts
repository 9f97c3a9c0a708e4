import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describe,
  judge,
  lookAt,
  needed,
  ok,
  once,
  warning,
  wrong,
  type Finding,
} from "../../../core/check/findings.ts";
import { UpdraftError } from "../../../core/errors.ts";

const of = "burst";
const finding = (one: Omit<Finding, "of" | "piece">): Finding => ({ ...one, of, piece: "image" });

test("a finding is one line, and what to do stands below it", () => {
  assert.equal(describe(finding(ok("ami-1"))), "ok       burst: image: ami-1");
  assert.equal(
    describe(finding(wrong("there is no ami-1", "Name another."))),
    "wrong    burst: image: there is no ami-1\n         Name another.",
  );
});

test("warnings are allowed; what is wrong ends with status 3, and with 4 when something was refused", () => {
  judge([finding(ok("a")), finding(warning("b", "c"))]);
  assert.throws(() => judge([finding(ok("a")), finding(wrong("b", "c"))]), {
    exitStatus: 3,
    message: "1 of 2 findings is wrong",
  });
  const refused = finding({ ...wrong("d", "e"), denied: true });
  assert.throws(() => judge([finding(wrong("b", "c")), refused]), {
    exitStatus: 4,
    message: "2 of 2 findings are wrong",
  });
});

test("a piece that takes too long is told, and the others are not kept waiting", async () => {
  const late = new UpdraftError("failed", "no answer within 60 s", "Check the network.");
  const pieces = [
    { of, name: "slow", look: () => new Promise<never>(() => undefined) },
    { of, name: "quick", look: async () => [ok("there")] },
  ];
  const found = await lookAt(pieces, (reading) =>
    Promise.race([reading, new Promise<never>((_, reject) => setTimeout(() => reject(late), 10))]),
  );
  assert.deepEqual(
    found.map((one) => [one.piece, one.level]),
    [
      ["slow", "wrong"],
      ["quick", "ok"],
    ],
  );
});

test("a shared reading is made once, and its failure is told where it belongs only", async () => {
  let reads = 0;
  const reading = once(async () => {
    reads++;
    throw new UpdraftError("failed", "it broke", "Mend it.");
  });
  const pieces = [
    { of, name: "its own", look: async () => [ok(String(await reading()))] },
    { of, name: "another", look: async () => [ok(String(await needed(reading(), "that")))] },
  ];
  const found = await lookAt(pieces, (look) => look);
  assert.equal(reads, 1);
  assert.deepEqual(
    found.map((one) => [one.level, one.what]),
    [
      ["wrong", "it broke"],
      ["warning", "not looked at, because that is missing"],
    ],
  );
});

test("a fault of our own in a shared reading is not taken for something that is missing", async () => {
  const pieces = [{ of, name: "a", look: () => needed(Promise.reject(new TypeError("oops")), "that") }];
  assert.match((await lookAt(pieces, (look) => look))[0]?.what ?? "", /fault of Updraft: oops/);
});
