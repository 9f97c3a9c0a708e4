import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { leaseExpiration } from "../../core/lease.ts";

const LONGEST = 1000;
const tags = (value: string) => ({ "htcondor:LeaseExpiration": value });

test("a lease is the tag's number of seconds", () => {
  assert.equal(leaseExpiration(tags("1500"), 1000, LONGEST), 1500);
  assert.equal(leaseExpiration(tags("5"), 1000, LONGEST), 5);
});

test("a lease that is missing, malformed or beyond belief is none", () => {
  assert.equal(leaseExpiration({}, 1000, LONGEST), undefined);
  for (const value of ["", " 1500", "1500s", "-1", "1e9", "1234567890123", "0x10"]) {
    assert.equal(leaseExpiration(tags(value), 1000, LONGEST), undefined, value);
  }
  assert.equal(leaseExpiration(tags("2120"), 1000, LONGEST), 2120);
  assert.equal(leaseExpiration(tags("2121"), 1000, LONGEST), undefined);
});

test("whatever the tag says, no lease is believed that ends later than the longest one", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.nat().map(String)), fc.nat(), (value, now) => {
      const end = leaseExpiration(tags(value), now, LONGEST);
      assert.ok(end === undefined || (end >= 0 && end <= now + LONGEST + 120));
    }),
  );
});
