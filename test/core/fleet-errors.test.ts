import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY, MINUTES, limitedBy, refusal, refusalClass } from "../../core/fleet-errors.ts";

const PLACE = { type: "m5.large", subnet: "subnet-1", zone: "us-east-1a", market: "spot" } as const;
const NOW = 1_900_000_000.7;
const UNTIL = 1_900_000_000;

test("what is remembered of an error, about what and for how long", () => {
  const inZone = { type: "m5.large", zone: "us-east-1a" };
  for (const [code, message, about, seconds] of [
    ["InsufficientInstanceCapacity", "", { market: "spot", ...inZone }, MINUTES],
    ["UnfulfillableCapacity", "", { market: "spot", ...inZone }, MINUTES],
    ["InsufficientHostCapacity", "", { market: "spot", ...inZone }, MINUTES],
    ["SpotMaxPriceTooLow", "", { market: "spot", ...inZone }, MINUTES],
    ["Unsupported", "", inZone, DAY],
    [
      "InvalidFleetConfiguration",
      "Your requested instance type (m5.large) is not supported in your requested Availability Zone (us-east-1a).",
      inZone,
      DAY,
    ],
    ["InsufficientFreeAddressesInSubnet", "", { subnet: "subnet-1" }, MINUTES],
    ["MaxSpotInstanceCountExceeded", "", { market: "spot", quota: "L-34B43A08" }, MINUTES],
    ["VcpuLimitExceeded", "", { market: "spot", quota: "L-34B43A08" }, MINUTES],
  ] as const) {
    assert.deepEqual(
      refusal({ code, message, ...PLACE }, "us-east-1", NOW),
      { region: "us-east-1", code, until: UNTIL + seconds, ...about },
      code,
    );
  }
});

test("what says nothing of the next order is not remembered", () => {
  for (const code of [
    "UnauthorizedOperation",
    "RequestLimitExceeded",
    "InvalidFleetConfiguration",
    "InvalidParameterValue",
    "SomethingNew",
  ]) {
    assert.equal(refusal({ code, message: "", ...PLACE }, "r", NOW), undefined, code);
  }
});

test("without a place nothing is remembered, because it would hold everywhere", () => {
  const { type, zone, subnet, market } = PLACE;
  for (const [code, known] of [
    ["InsufficientInstanceCapacity", { type, market }],
    ["InsufficientInstanceCapacity", { type, zone }],
    ["Unsupported", { zone }],
    ["InsufficientFreeAddressesInSubnet", { type, zone, market }],
    ["VcpuLimitExceeded", { zone, subnet, market }],
    ["VcpuLimitExceeded", { type, zone }],
  ] as const) {
    assert.equal(refusal({ code, message: "", ...known }, "r", NOW), undefined, code);
  }
});

test("a type whose quota is not known is remembered by itself", () => {
  const error = { code: "VcpuLimitExceeded", message: "", ...PLACE, type: "u-6tb1.metal" };
  assert.deepEqual(refusal(error, "r", NOW), {
    region: "r",
    code: "VcpuLimitExceeded",
    until: UNTIL + MINUTES,
    market: "spot",
    type: "u-6tb1.metal",
  });
});

test("of several reasons the one counts that somebody must do something about", () => {
  const said = (...codes: string[]) => limitedBy(codes.map((code) => ({ code, message: "" })));
  assert.equal(said("InsufficientInstanceCapacity"), "Capacity");
  assert.equal(said(), "Capacity");
  assert.equal(said("InsufficientInstanceCapacity", "VcpuLimitExceeded"), "Quota");
  assert.equal(said("VcpuLimitExceeded", "UnauthorizedOperation"), "Denied");
  assert.equal(refusalClass({ code: "RequestLimitExceeded", message: "" }), "throttled");
  assert.equal(refusalClass({ code: "", message: "" }), "other");
});
