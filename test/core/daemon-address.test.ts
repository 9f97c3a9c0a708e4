import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addressKind,
  formatAddress,
  inRange,
  parseAddress,
  parseCollectors,
} from "../../core/daemon-address.ts";

test("a collector is named as HTCondor takes it", () => {
  for (const [text, host, port, socket] of [
    ["cm.pool.test", "cm.pool.test", 9618, undefined],
    ["cm.pool.test:9620", "cm.pool.test", 9620, undefined],
    ["cm.pool.test:0", "cm.pool.test", 9618, undefined],
    ["10.0.0.1:9618?sock=collector", "10.0.0.1", 9618, "collector"],
    ["[fd00::1]:9618", "fd00::1", 9618, undefined],
    [
      "<10.0.0.1:9618?addrs=10.0.0.1-9618&alias=cm&noUDP&sock=schedd_96_bd96>",
      "10.0.0.1",
      9618,
      "schedd_96_bd96",
    ],
  ] as const) {
    assert.deepEqual(parseAddress(text), { host, port, socket, callsBack: false }, text);
  }
  assert.equal(parseAddress("<10.0.0.1:0?CCBID=10.0.0.2:9618%3faddrs#1>")?.callsBack, true);
  for (const text of ["", "a:b:c", "host:99999", "fd00::1", "<>"])
    assert.equal(parseAddress(text), undefined, text);
});

test("a list of collectors is separated by commas or blanks, and what is none is told apart", () => {
  const { addresses, unreadable } = parseCollectors("a.test, b.test:9619  a:b:c");
  assert.deepEqual(
    addresses.map(({ host, port }) => [host, port]),
    [
      ["a.test", 9618],
      ["b.test", 9619],
    ],
  );
  assert.deepEqual(unreadable, ["a:b:c"]);
});

test("what is written as an address is read back the same", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.integer({ min: 1, max: 65535 }),
      fc.option(fc.stringMatching(/^[a-z0-9_]{1,20}$/), { nil: undefined }),
      (host, port, socket) => {
        const address = { host, port, socket, callsBack: false };
        assert.deepEqual(parseAddress(formatAddress(address)), address);
      },
    ),
  );
});

test("an address is of this machine, of the link, private or public", () => {
  const kinds = {
    loopback: ["127.0.0.1", "127.0.1.1", "0.0.0.0", "::1", "::"],
    "link-local": ["169.254.169.254", "fe80::1", "feb0::1"],
    private: ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1", "fc00::1"],
    public: [
      "8.8.8.8",
      "172.32.0.1",
      "172.15.0.1",
      "192.169.0.1",
      "100.128.0.1",
      "100.63.0.1",
      "2001:db8::1",
      "11.0.0.1",
    ],
  };
  for (const [kind, ips] of Object.entries(kinds))
    for (const ip of ips) assert.equal(addressKind(ip), kind, ip);
});

test("an address lies in a range by its first bits", () => {
  assert.equal(inRange("172.31.255.10", "172.31.0.0/16"), true);
  assert.equal(inRange("172.30.255.10", "172.31.0.0/16"), false);
  assert.equal(inRange("10.0.0.7", "10.0.0.0/29"), true);
  assert.equal(inRange("10.0.0.8", "10.0.0.0/29"), false);
  assert.equal(inRange("fd00::1", "10.0.0.0/8"), false);
  assert.equal(inRange("10.0.0.1", "fd00::/8"), false);
});
