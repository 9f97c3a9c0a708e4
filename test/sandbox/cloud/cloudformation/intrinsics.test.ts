import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  conditions,
  referencesIn,
  resolve,
  type Json,
  type Scope,
} from "../../../../sandbox/cloud/cloudformation/intrinsics.ts";

const SCOPE: Scope = {
  parameters: { Name: "burst", List: ["a", "b"] },
  conditions: { Yes: true, No: false },
  resources: { Role: { ref: "role-1", attributes: { Arn: "arn:role", "Endpoint.Port": "80" } } },
  pseudo: { "AWS::Region": "us-east-1" },
};

const TABLE: [title: string, value: Json, expected: Json | undefined][] = [
  ["Ref of a parameter", { Ref: "Name" }, "burst"],
  ["Ref of a list", { Ref: "List" }, ["a", "b"]],
  ["Ref of a resource", { Ref: "Role" }, "role-1"],
  ["Ref of a pseudo parameter", { Ref: "AWS::Region" }, "us-east-1"],
  ["GetAtt by list", { "Fn::GetAtt": ["Role", "Arn"] }, "arn:role"],
  ["GetAtt by text, with a dot in the attribute", { "Fn::GetAtt": "Role.Endpoint.Port" }, "80"],
  ["Sub", { "Fn::Sub": "${AWS::Region}/${Name}/${Role.Arn}" }, "us-east-1/burst/arn:role"],
  ["Sub with a literal", { "Fn::Sub": "${!aws:userid} ${Name}" }, "${aws:userid} burst"],
  ["Sub with values of its own", { "Fn::Sub": ["${x}-${Name}", { x: { Ref: "Role" } }] }, "role-1-burst"],
  ["Join", { "Fn::Join": ["-", ["a", { Ref: "Name" }, 1]] }, "a-burst-1"],
  ["Split and Select", { "Fn::Select": [1, { "Fn::Split": [",", "a,b"] }] }, "b"],
  ["Base64", { "Fn::Base64": { "Fn::Join": ["", ["h", "i"]] } }, "aGk="],
  ["If", { "Fn::If": ["Yes", { Ref: "Name" }, "no"] }, "burst"],
  ["If of the other kind", [{ "Fn::If": ["No", "yes", { a: 1 }] }], [{ a: 1 }]],
  ["NoValue leaves a property out", { a: { Ref: "AWS::NoValue" }, b: 1 }, { b: 1 }],
  ["NoValue by If leaves an entry out", ["x", { "Fn::If": ["Yes", { Ref: "AWS::NoValue" }, "y"] }], ["x"]],
  ["NoValue alone is no value", { Ref: "AWS::NoValue" }, undefined],
  ["An object with more than a function is an object", { Ref: "Name", Other: 1 }, { Ref: "Name", Other: 1 }],
  [
    "A policy's Condition is no function",
    { Condition: { Null: { a: "true" } } },
    { Condition: { Null: { a: "true" } } },
  ],
];

describe("An intrinsic function", () => {
  for (const [title, value, expected] of TABLE)
    test(title, () => assert.deepEqual(resolve(value, SCOPE), expected));

  for (const [title, value, message] of [
    ["of an unknown name", { "Fn::Nonsense": 1 }, /Fn::Nonsense/],
    ["that refers to nothing", { Ref: "Nobody" }, /Nobody/],
    ["that asks for an attribute that is not there", { "Fn::GetAtt": ["Role", "Colour"] }, /Colour/],
    ["that joins what is no text", { "Fn::Join": ["", [{ a: 1 }]] }, /string/],
    ["that selects beyond the end", { "Fn::Select": [5, ["a"]] }, /Select/],
    ["that depends on no condition", { "Fn::If": ["Maybe", 1, 2] }, /Maybe/],
  ] as [string, Json, RegExp][])
    test(`${title} is refused`, () => assert.throws(() => resolve(value, SCOPE), message));
});

describe("Conditions", () => {
  test("are worked out from each other", () => {
    const found = conditions(
      {
        Both: { "Fn::And": [{ Condition: "Burst" }, { Condition: "NotEmpty" }] },
        Burst: { "Fn::Equals": [{ Ref: "Name" }, "burst"] },
        NotEmpty: { "Fn::Not": [{ "Fn::Equals": [{ Ref: "Name" }, ""] }] },
        Either: { "Fn::Or": [{ "Fn::Not": [{ Condition: "Burst" }] }, { "Fn::Equals": ["1", 1] }] },
      },
      SCOPE,
    );
    assert.deepEqual(found, { Both: true, Burst: true, NotEmpty: true, Either: true });
  });
  test("that depend on themselves are refused", () => {
    assert.throws(() => conditions({ A: { Condition: "B" }, B: { Condition: "A" } }, SCOPE), /itself/);
  });
});

test("References are found wherever they stand", () => {
  const value: Json = {
    a: { Ref: "One" },
    b: [{ "Fn::GetAtt": ["Two", "Arn"] }, { "Fn::GetAtt": "Three.Arn" }],
    c: { "Fn::Sub": ["${Four} ${Five.Arn} ${!Six} ${own}", { own: { Ref: "Seven" } }] },
    d: { "Fn::If": ["Yes", { Ref: "Eight" }, 1] },
  };
  assert.deepEqual(referencesIn(value).sort(), ["Eight", "Five", "Four", "One", "Seven", "Three", "Two"]);
});
