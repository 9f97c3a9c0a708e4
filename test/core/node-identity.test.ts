import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import type { Manifest } from "../../core/manifest.ts";
import {
  checkManifest,
  hostName,
  readIdentity,
  readLease,
  readOrder,
  requirePublicAddress,
} from "../../core/node-identity.ts";
import { TAG } from "../../core/tags.ts";

const document = {
  instanceId: "i-0123456789abcdef0",
  instanceType: "c7i.large",
  imageId: "ami-1",
  region: "eu-central-1",
  availabilityZone: "eu-central-1a",
};
const tags = {
  [TAG.annex]: "burst",
  [TAG.lease]: "2000",
  [TAG.order]: "order-1",
  [TAG.orderedAt]: "900",
  [TAG.pool]: "pool.test",
  [TAG.schedd]: "ap@pool.test",
  [TAG.idle]: "300",
};
const kind = (expected: string) => (error: unknown) =>
  error instanceof UpdraftError && error.kind === expected;

describe("the identity document", () => {
  it("says who the instance is", () => {
    const { availabilityZone: zone, ...rest } = document;
    assert.deepEqual(readIdentity(JSON.stringify(document)), { ...rest, zone });
  });
  for (const text of ["", "[]", "null", "{", "3", '{"instanceId":"i-1"}']) {
    it(`that reads ${JSON.stringify(text)} is worth another try`, () => {
      assert.throws(() => readIdentity(text), kind("failed"));
    });
  }
  it("with a value that is no plain word is not believed", () => {
    for (const instanceId of ["i-1\nSTART = True", 'i"', "", "$(x)", 3]) {
      assert.throws(() => readIdentity(JSON.stringify({ ...document, instanceId })), kind("failed"));
    }
  });
});

describe("the tags", () => {
  it("say what was ordered", () => {
    assert.deepEqual(readOrder(tags, "burst"), {
      annex: "burst",
      pool: "pool.test",
      schedd: "ap@pool.test",
      orderId: "order-1",
      orderedAt: 900,
      idleSeconds: 300,
    });
  });
  it("without an idle time mean twenty minutes", () => {
    const { [TAG.idle]: _, ...rest } = tags;
    assert.equal(readOrder(rest, "burst").idleSeconds, 1200);
  });
  it("that are not shown are worth another try, because metadata can be late", () => {
    assert.throws(() => readOrder({}, "burst"), kind("failed"));
  });
  it("of another annex than the user data's are refused for good", () => {
    assert.throws(() => readOrder(tags, "other"), kind("config"));
    assert.throws(() => readOrder({ ...tags, [TAG.annex]: "Burst" }, "Burst"), kind("config"));
  });
  const malformed: readonly (readonly [string, readonly string[]])[] = [
    [TAG.idle, ["0", "-1", "1e9", "x", "", "99999999999"]],
    [TAG.pool, ["", "a b", "a\nb"]],
    [TAG.schedd, ["a b", 'a"b', "a\\b"]],
    [TAG.order, ["a\nb", "x".repeat(65)]],
    [TAG.orderedAt, ["x", "-1"]],
  ];
  for (const [key, values] of malformed) {
    it(`with a malformed ${key} are refused for good`, () => {
      for (const value of values) {
        assert.throws(() => readOrder({ ...tags, [key]: value }, "burst"), kind("config"), value);
      }
    });
  }
});

describe("the lease", () => {
  it("is the time in the tag", () => assert.equal(readLease(tags, 1000, 86400), 2000));
  for (const value of [undefined, "", "soon", "-5", "1e9", "999999999999"]) {
    it(`is refused when the tag says ${value}`, () => {
      const { [TAG.lease]: _, ...rest } = tags;
      const changed = value === undefined ? rest : { ...rest, [TAG.lease]: value };
      assert.throws(() => readLease(changed, 1000, 86400), /says/);
    });
  }
  it("is refused when it is over", () => {
    assert.throws(() => readLease(tags, 2000, 86400), /ended 0 s ago/);
    assert.throws(() => readLease(tags, 2060, 86400), /ended 60 s ago/);
  });
});

describe("the manifest", () => {
  const order = readOrder(tags, "burst");
  const manifest = { annex: "burst", pool: "pool.test" } as Manifest;
  it("of this annex and pool is accepted", () => assert.doesNotThrow(() => checkManifest(manifest, order)));
  it("of another annex or pool is refused for good", () => {
    assert.throws(() => checkManifest({ ...manifest, annex: "other" }, order), kind("config"));
    assert.throws(() => checkManifest({ ...manifest, pool: "other.test" }, order), kind("config"));
  });
});

describe("the public address of a node that is reached directly", () => {
  const addresses = { publicIp: "203.0.113.9", privateIp: "172.31.0.4" };
  it("is taken as the metadata service tells it", () =>
    assert.deepEqual(requirePublicAddress(addresses), addresses));
  it("is asked for again while there is none, because nobody would reach the node", () => {
    assert.throws(() => requirePublicAddress(undefined), /knows of none/);
    assert.throws(() => requirePublicAddress(undefined), kind("failed"));
    assert.throws(
      () => requirePublicAddress({ ...addresses, publicIp: "a\nSTART = True" }),
      /no IPv4 address/,
    );
  });
});

describe("the host name", () => {
  it("is EC2's own name by instance id, so no two nodes of a pool share it", () => {
    const identity = readIdentity(JSON.stringify(document));
    assert.equal(hostName(identity), "i-0123456789abcdef0.eu-central-1.compute.internal");
    assert.equal(hostName({ ...identity, region: "us-east-1" }), "i-0123456789abcdef0.ec2.internal");
  });
});
