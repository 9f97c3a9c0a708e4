import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { errorAttributes, nodeAttributes } from "../../core/node-attributes.ts";

const state = {
  format: 1,
  annex: "burst",
  pool: "pool.test",
  schedd: 'ap "one"',
  instanceId: "i-1",
  orderId: "order\\1",
  orderedAt: 900,
  leaseExpiration: 2000,
  bootSteps: { Started: 1000.25, Identity: 1001 },
};
const CLOCKS = { wall: 1500, uptime: 100 };
const read = (change: object): readonly string[] | string => {
  const result = nodeAttributes(JSON.stringify({ ...state, ...change }), CLOCKS);
  return typeof result === "string" ? result : result.lines;
};
const guard = {
  endsAt: 2000,
  endReason: "lease",
  stage: "serving",
  released: false,
  rebalanceRecommended: false,
  anchor: { at: 1500, uptime: 100 },
};

describe("the attributes of a node", () => {
  it("are lease, order and the times of the boot", () => {
    assert.deepEqual(read({}), [
      "LeaseExpiration = 2000",
      String.raw`OrderId = "order\\1"`,
      "OrderedAt = 900",
      'Pool = "pool.test"',
      String.raw`Schedd = "ap \"one\""`,
      "BootStarted = 1000.250",
      "BootIdentity = 1001",
      "Error = undefined",
    ]);
    assert.deepEqual(read({ bootSteps: undefined })[5], "Error = undefined");
  });

  it("say when and why the node ends, once the guard has said so", () => {
    assert.deepEqual(read({ guard, htcondorEndSeconds: 81 }).slice(7), [
      "EndsAt = 2000",
      'EndReason = "lease"',
      'Stage = "serving"',
      "Released = false",
      "RebalanceRecommended = false",
      "Guarded = true",
      "Ending = false",
      "Error = undefined",
    ]);
    const over = read({ guard: { ...guard, endsAt: 1400, released: true, rebalanceRecommended: true } });
    assert.deepEqual(over.slice(-5, -1), [
      "Released = true",
      "RebalanceRecommended = true",
      "Guarded = true",
      "Ending = true",
    ]);
  });

  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ format: 2 }, /format is 2/],
    [{ leaseExpiration: "2000" }, /LeaseExpiration is not a time/],
    [{ leaseExpiration: -1 }, /not a time/],
    [{ leaseExpiration: null }, /not a time/],
    [{ leaseExpiration: 1e13 }, /not a time/],
    [{ orderId: 7 }, /OrderId is not a string/],
    [{ orderId: "a\nStart = True" }, /not a string/],
    [{ schedd: "x".repeat(257) }, /not a string/],
    [{ bootSteps: { "X = 1\nStart": 5 } }, /a step is named/],
    [{ bootSteps: { Started: "now" } }, /BootStarted is not a time/],
    [{ guard: null }, /of the guard cannot be read/],
    [{ guard: { ...guard, anchor: {} } }, /of the guard cannot be read/],
    [{ guard: { ...guard, endsAt: "2000" } }, /of the guard cannot be read/],
    [{ guard, htcondorEndSeconds: "1" }, /of the guard cannot be read/],
    [{ guard: { ...guard, stage: "a\nStart = True" } }, /Stage is not a string/],
    [{ guard: { ...guard, endReason: 7 } }, /EndReason is not a string/],
    [{ guard: { ...guard, endsAt: -5000 } }, /EndsAt is not a time/],
  ];
  for (const [change, why] of wrong) {
    it(`are refused with ${JSON.stringify(change).slice(0, 50)}`, () => {
      const result = read(change);
      assert.ok(typeof result === "string");
      assert.match(result, why);
    });
  }
  for (const text of ["", "{", "null", "[]", "7"]) {
    it(`are refused when the state reads ${JSON.stringify(text)}`, () => {
      assert.equal(nodeAttributes(text, CLOCKS), "it is not a JSON object");
    });
  }

  it("are one line each, of a known name, whatever the state holds", () => {
    const any = fc.record(
      {
        leaseExpiration: fc.anything(),
        orderId: fc.oneof(fc.string({ unit: "binary" }), fc.anything()),
        schedd: fc.string({ unit: "binary" }),
        bootSteps: fc.dictionary(fc.string(), fc.double()),
        htcondorEndSeconds: fc.oneof(fc.double(), fc.anything()),
        guard: fc.oneof(
          fc.anything(),
          fc.record({
            endsAt: fc.oneof(fc.double(), fc.nat()),
            endReason: fc.oneof(fc.string({ unit: "binary" }), fc.anything()),
            stage: fc.oneof(fc.string({ unit: "binary" }), fc.anything()),
            released: fc.anything(),
            rebalanceRecommended: fc.anything(),
            anchor: fc.record({ at: fc.nat(), uptime: fc.nat() }),
          }),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(any, (change) => {
        const result = read(change);
        const lines = typeof result === "string" ? errorAttributes(result) : result;
        for (const line of lines) {
          assert.match(
            line,
            /^(Boot[A-Z]\w*|LeaseExpiration|OrderId|OrderedAt|Pool|Schedd|EndsAt|EndReason|Stage|Released|RebalanceRecommended|Guarded|Ending|Error) = [^\n\r]*$/u,
          );
          const value = line.slice(line.indexOf("=") + 2);
          assert.match(value, /^("(?:[^"\\]|\\["\\])*"|\d+(\.\d+)?|true|false|undefined)$/u);
        }
      }),
    );
  });
});
