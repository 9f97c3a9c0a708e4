import assert from "node:assert/strict";
import { test } from "node:test";
import { filterPattern } from "../../../../sandbox/cloud/ec2/filters.ts";

test("A filter's wildcards match, and a backslash makes them literal", () => {
  for (const [pattern, value, expected] of [
    ["burst", "burst", true],
    ["burst", "burst2", false],
    ["bur*", "burst2", true],
    ["burs?", "burst", true],
    ["bur\\*", "burst", false],
    ["bur\\*", "bur*", true],
    ["a\\\\b", "a\\b", true],
    ["a.b", "axb", false],
    ["pool.test:9618?sock=[x]", "pool.test:9618?sock=[x]", true],
  ] as const)
    assert.equal(filterPattern(pattern).test(value), expected, `${pattern} ${value}`);
});
