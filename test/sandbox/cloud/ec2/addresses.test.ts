import assert from "node:assert/strict";
import { test } from "node:test";
import { addresses } from "../../../../sandbox/cloud/ec2/addresses.ts";

test("Addresses of a subnet are handed out in turn, a freed one last, until there are no more", () => {
  const next = addresses();
  const taken = new Set<string>();
  const take = (): string | undefined => {
    const found = next("10.0.0.0/28", (address) => taken.has(address));
    if (found !== undefined) taken.add(found);
    return found;
  };
  assert.deepEqual([take(), take()], ["10.0.0.4", "10.0.0.5"]);
  taken.delete("10.0.0.4");
  assert.equal(take(), "10.0.0.6");
  const rest = Array.from({ length: 9 }, take);
  assert.equal(rest.at(-1), "10.0.0.4");
  assert.ok(!rest.includes("10.0.0.15"), "AWS keeps the last one");
  assert.equal(take(), undefined);
});

test("The sandbox's own addresses are never handed out", () => {
  const next = addresses();
  assert.equal(
    next("172.31.255.0/28", () => false),
    undefined,
  );
  assert.equal(
    next("172.31.254.248/29", () => false),
    "172.31.254.252",
  );
});
