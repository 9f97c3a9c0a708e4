import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { blocksProblem, inboundRule } from "../../core/direct.ts";

test("blocks of a pool's machines are taken, from a single machine to a /8", () => {
  for (const blocks of [["203.0.113.7/32"], ["203.0.113.0/24", "10.0.0.0/8"], ["192.168.4.0/22"]])
    assert.equal(blocksProblem(blocks), undefined, blocks.join());
  assert.equal(inboundRule("203.0.113.0/24"), "tcp 9618 from 203.0.113.0/24");
});

test("what opens a node to others than the pool, or is no block, is refused with what would be right", () => {
  const cases: [string[], RegExp][] = [
    [[], /CIDR blocks of the pool's machines such as/],
    [["0.0.0.0/0"], /prefix of \/8 or longer: 0\.0\.0\.0\/0 would open HTCondor on every node/],
    [["203.0.113.0/24", "10.0.0.0/7"], /prefix of \/8 or longer: 10\.0\.0\.0\/7/],
    [["203.0.113.7"], /"203\.0\.113\.7" is none/],
    [["203.0.113.0/33"], /is none/],
    [["203.0.256.0/24"], /is none/],
    [["2001:db8::/32"], /is none/],
    [["cm.pool.test"], /is none/],
    [
      ["203.0.113.7/24"],
      /203\.0\.113\.0\/24 for 203\.0\.113\.7\/24, or 203\.0\.113\.7\/32 for that machine alone/,
    ],
    [["203.0.113.0/24", "203.0.113.0/24"], /each once/],
    [Array.from({ length: 51 }, (_, index) => `10.0.${index}.0/24`), /at most 50/],
  ];
  for (const [blocks, expected] of cases)
    assert.match(blocksProblem(blocks) ?? "taken", expected, blocks.join());
});

test("a block that is taken holds at most a 256th of all addresses and begins with its first one", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const block = fc.tuple(byte, byte, byte, byte, fc.integer({ min: 0, max: 32 }));
  fc.assert(
    fc.property(block, ([a, b, c, d, bits]) => {
      if (blocksProblem([`${a}.${b}.${c}.${d}/${bits}`]) !== undefined) return;
      assert.ok(bits >= 8);
      assert.equal((((a * 256 + b) * 256 + c) * 256 + d) % 2 ** (32 - bits), 0);
    }),
  );
});
