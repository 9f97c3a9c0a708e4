import assert from "node:assert/strict";
import { test } from "node:test";
import { nested } from "../../../../sandbox/cloud/wire/parameters.ts";

test("Flat parameters become records and lists, in the order of their numbers", () => {
  const form = new URLSearchParams([
    ["Action", "X"],
    ["Tag.2.Key", "b"],
    ["Tag.1.Key", "a"],
    ["Tag.10.Key", "c"],
    ["Capabilities.member.1", "CAPABILITY_IAM"],
    ["Options.MaxPrice", "1"],
  ]);
  assert.deepEqual(nested(form), {
    Action: "X",
    Tag: [{ Key: "a" }, { Key: "b" }, { Key: "c" }],
    Capabilities: ["CAPABILITY_IAM"],
    Options: { MaxPrice: "1" },
  });
});
