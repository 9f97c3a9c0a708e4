import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { conditionsHold, substitute } from "../../../../sandbox/cloud/iam/condition.ts";
import { context } from "../../../../sandbox/cloud/iam/policy.ts";
import { matches } from "../../../../sandbox/cloud/iam/wildcard.ts";

type Keys = Record<string, string | string[]>;
const TABLE: [operator: string, wanted: string | string[], given: Keys, holds: boolean][] = [
  ["StringEquals", ["a", "b"], { k: "b" }, true],
  ["StringEquals", "a", { k: "A" }, false],
  ["StringEqualsIgnoreCase", "a", { k: "A" }, true],
  ["StringEquals", "a", {}, false],
  ["StringEqualsIfExists", "a", {}, true],
  ["StringEqualsIfExists", "a", { k: "b" }, false],
  ["StringNotEquals", ["a", "b"], { k: "b" }, false],
  ["StringNotEquals", ["a", "b"], { k: "c" }, true],
  ["StringNotEquals", "a", {}, true],
  ["StringLike", "ec2.amazonaws.com*", { k: "ec2.amazonaws.com.cn" }, true],
  ["StringNotLike", "x*", { k: "xy" }, false],
  ["ArnLike", "arn:aws:iam::1:role/updraft/*", { k: "arn:aws:iam::1:role/updraft/a/b" }, true],
  ["ArnLike", "arn:aws:iam::*:role/x", { k: "arn:aws:iam::1:2:role/x" }, false],
  ["ArnNotLike", "arn:aws:iam::1:role/updraft/*", {}, true],
  ["ArnNotLike", ["arn:aws:iam::1:role/a", "arn:aws:iam::1:root"], { k: "arn:aws:iam::1:root" }, false],
  ["NumericLessThan", "2.0", { k: "1.0" }, true],
  ["NumericLessThan", "2.0", { k: "2.0" }, false],
  ["NumericLessThan", "2.0", {}, false],
  ["NumericGreaterThan", "1", { k: "2" }, true],
  ["NumericNotEquals", "1", {}, true],
  ["DateGreaterThan", "2026-01-01T00:00:00Z", { k: "2026-06-01T00:00:00Z" }, true],
  ["Bool", "false", { k: "true" }, false],
  ["Bool", "false", { k: "false" }, true],
  ["Null", "true", {}, true],
  ["Null", "true", { k: "x" }, false],
  ["Null", "false", { k: "x" }, true],
  ["IpAddress", "10.0.0.0/8", { k: "10.1.2.3" }, true],
  ["NotIpAddress", "10.0.0.0/8", { k: "10.1.2.3" }, false],
  ["ForAllValues:StringEquals", ["a", "b"], { k: ["a", "b"] }, true],
  ["ForAllValues:StringEquals", ["a", "b"], { k: ["a", "c"] }, false],
  ["ForAllValues:StringEquals", ["a"], {}, true],
  ["ForAnyValue:StringEquals", ["a"], { k: ["c", "a"] }, true],
  ["ForAnyValue:StringEquals", ["a"], {}, false],
];

describe("A condition", () => {
  for (const [operator, wanted, given, expected] of TABLE)
    test(`${operator} ${JSON.stringify(wanted)} ${expected ? "holds" : "does not hold"} for ${JSON.stringify(given)}`, () => {
      assert.equal(conditionsHold({ [operator]: { K: wanted } }, context(given)), expected);
    });

  test("with an operator that the sandbox does not know is an error, not a guess", () => {
    assert.throws(() => conditionsHold({ BinaryEquals: { k: "x" } }, context({ k: "x" })), /BinaryEquals/);
  });

  test("is one of several that must all hold", () => {
    const two = { StringEquals: { a: "1" }, Null: { b: "true" } };
    assert.equal(conditionsHold(two, context({ a: "1" })), true);
    assert.equal(conditionsHold(two, context({ a: "1", b: "2" })), false);
  });
});

describe("A policy variable", () => {
  const known = context({ "aws:userid": "AROA:i-1" });
  test("is filled in, whatever the case of its name", () => {
    assert.equal(substitute("a/${AWS:UserId}", known), "a/AROA:i-1");
  });
  test("without a value stays as it is, or takes its default", () => {
    assert.equal(substitute("a/${aws:username}", known), "a/${aws:username}");
    assert.equal(substitute("a/${aws:username, 'x'}", known), "a/x");
  });
  test("writes a literal wildcard", () => {
    assert.equal(substitute("${*}${?}${$}", known), "*?$");
  });
});

test("Wildcards match as IAM's do", () => {
  for (const [pattern, value, expected] of [
    ["*", "", true],
    ["a*c", "abbc", true],
    ["a*c", "abbd", false],
    ["a?c", "ac", false],
    ["a?c", "abc", true],
    ["*/credential/*", "annexes/x/credential/y", true],
    ["a*a*a", "aba", false],
    ["abc", "abcd", false],
    ["a.c", "abc", false],
  ] as const)
    assert.equal(matches(pattern, value), expected, `${pattern} ${value}`);
});
