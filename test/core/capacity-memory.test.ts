import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  current,
  describeRefusal,
  formatCapacityMemory,
  parseCapacityMemory,
  refused,
  remember,
} from "../../core/capacity-memory.ts";
import { DAY, MINUTES, type Refusal } from "../../core/fleet-errors.ts";

const NOW = 1_900_000_000;
const PLACE = { type: "m5.large", subnet: "subnet-1", zone: "us-east-1a" };
const FULL: Refusal = {
  region: "us-east-1",
  code: "InsufficientInstanceCapacity",
  until: NOW + MINUTES,
  market: "spot",
  type: "m5.large",
  zone: "us-east-1a",
};

test("a refusal holds for its region, market, type and zone, and for no others", () => {
  const asked = (region: string, market: "spot" | "on-demand", place = PLACE) =>
    refused([FULL], region, market, place, NOW)?.code;
  assert.equal(asked("us-east-1", "spot"), FULL.code);
  assert.equal(asked("us-east-2", "spot"), undefined);
  assert.equal(asked("us-east-1", "on-demand"), undefined);
  assert.equal(asked("us-east-1", "spot", { ...PLACE, type: "c5.large" }), undefined);
  assert.equal(asked("us-east-1", "spot", { ...PLACE, zone: "us-east-1b" }), undefined);
  assert.equal(asked("us-east-1", "spot", { ...PLACE, subnet: "subnet-9" }), FULL.code);
});

test("a subnet's refusal holds for every type there, a quota's for every type that shares it", () => {
  const { type: _type, zone: _zone, market: _market, ...rest } = FULL;
  const addresses: Refusal = { ...rest, subnet: "subnet-1" };
  assert.ok(refused([addresses], "us-east-1", "on-demand", PLACE, NOW));
  assert.equal(
    refused([addresses], "us-east-1", "on-demand", { ...PLACE, subnet: "subnet-2" }, NOW),
    undefined,
  );
  const quota: Refusal = { ...rest, market: "spot", quota: "L-34B43A08" };
  assert.ok(refused([quota], "us-east-1", "spot", { ...PLACE, type: "c7i.large" }, NOW));
  assert.equal(
    refused([quota], "us-east-1", "spot", { ...PLACE, type: "g5.xlarge" }, NOW),
    undefined,
    "another family has another quota",
  );
});

test("it ends at its time, and one that would hold for longer than any is not believed", () => {
  assert.ok(refused([FULL], "us-east-1", "spot", PLACE, FULL.until - 1));
  assert.equal(refused([FULL], "us-east-1", "spot", PLACE, FULL.until), undefined);
  assert.deepEqual(current([{ ...FULL, until: NOW + 2 * DAY }], NOW), []);
});

test("of several reasons the one that holds longest is told", () => {
  const longer = { ...FULL, code: "Unsupported", until: NOW + DAY };
  for (const memory of [
    [FULL, longer],
    [longer, FULL],
  ]) {
    assert.equal(refused(memory, "us-east-1", "spot", PLACE, NOW)?.code, "Unsupported");
  }
});

test("the newest refusal of the same thing counts, and the memory does not grow for ever", () => {
  const newer = { ...FULL, code: "UnfulfillableCapacity", until: NOW + 10 };
  assert.deepEqual(remember([FULL], [newer], NOW), [newer]);
  const many = Array.from({ length: 3000 }, (_, i) => ({ ...FULL, type: `m5.${i}` }));
  assert.equal(remember([], many, NOW).length, 2000);
  assert.deepEqual(remember([{ ...FULL, until: NOW }], [], NOW), []);
});

const aRefusal: fc.Arbitrary<Refusal> = fc
  .record(
    {
      region: fc.string(),
      code: fc.string(),
      until: fc.integer({ min: 0 }),
      type: fc.string(),
      market: fc.constantFrom("spot" as const, "on-demand" as const),
      zone: fc.string(),
      subnet: fc.string(),
      quota: fc.string(),
    },
    { requiredKeys: ["region", "code", "until", "type"], noNullPrototype: true },
  )
  .map((one) => one as Refusal);

test("what is written is what is read, and everything else is nothing", () => {
  fc.assert(
    fc.property(fc.array(aRefusal), (memory) => {
      assert.deepEqual(parseCapacityMemory(formatCapacityMemory(memory)), memory);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => parseCapacityMemory(text) === undefined));
  const { type: _type, zone: _zone, market: _market, ...nothing } = FULL;
  for (const refusals of [
    {},
    [null],
    [1],
    [{ ...FULL, until: "soon" }],
    [{ ...FULL, market: "free" }],
    [{ ...FULL, zone: 1 }],
    [{ ...FULL, region: 1 }],
    [{ ...FULL, code: undefined }],
    [nothing],
  ]) {
    assert.equal(parseCapacityMemory(JSON.stringify({ format: 1, refusals })), undefined);
  }
  assert.equal(parseCapacityMemory(JSON.stringify({ format: 2, refusals: [] })), undefined);
});

test("a refusal in words", () => {
  assert.equal(describeRefusal(FULL), "m5.large spot in us-east-1a");
  const { type: _type, zone: _zone, market: _market, ...rest } = FULL;
  assert.equal(describeRefusal({ ...rest, subnet: "subnet-1" }), "any type in subnet-1");
  assert.equal(
    describeRefusal({ ...rest, market: "spot", quota: "L-34B43A08" }),
    "types of quota L-34B43A08 spot",
  );
});
