import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ipv4Of, ipv6Of } from "../../sandbox/network.ts";

describe("addresses of a machine", () => {
  test("its IPv6 address ends in its IPv4 address", () => {
    assert.equal(ipv6Of("172.31.5.6"), "fd00:ec2:1::ac1f:0506");
  });

  test("an IPv6 address leads back to its machine, as the kernel spells it too", () => {
    assert.equal(ipv4Of("fd00:ec2:1::ac1f:506"), "172.31.5.6");
    fc.assert(fc.property(fc.ipV4(), (address) => ipv4Of(ipv6Of(address)) === address));
  });

  test("an IPv4 address that a dual socket has mapped is itself", () => {
    assert.equal(ipv4Of("::ffff:172.31.5.6"), "172.31.5.6");
  });

  test("what is no machine's is left as it is", () => {
    for (const address of ["172.31.5.6", "::1", "fe80::1", "fd00:ec2:1::1", ""])
      assert.equal(ipv4Of(address), address);
  });
});
