import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  MAX_TEMPLATE_BYTES,
  order,
  parameterValues,
  readTemplate,
  requiredCapability,
  type Template,
} from "../../../../sandbox/cloud/cloudformation/template.ts";

const read = (template: object): Template => readTemplate(JSON.stringify(template));
const T = "AWS::SNS::Topic";

describe("A template", () => {
  test("is ordered so that each resource follows what it needs", () => {
    const template = read({
      Resources: {
        A: { Type: T, Properties: { x: { "Fn::Sub": "${B.Arn}" } } },
        B: { Type: T, DependsOn: ["C"] },
        C: { Type: T },
      },
    });
    assert.deepEqual(order(template), ["C", "B", "A"]);
  });
  for (const [title, template, message] of [
    [
      "with a circle",
      { Resources: { A: { Type: T, DependsOn: "B" }, B: { Type: T, DependsOn: "A" } } },
      /Circular/,
    ],
    ["that refers to nothing", { Resources: { A: { Type: T, Properties: { x: { Ref: "No" } } } } }, /\[No\]/],
    [
      "whose output refers to nothing",
      { Resources: { A: { Type: T } }, Outputs: { O: { Value: { Ref: "No" } } } },
      /Outputs/,
    ],
    ["without resources", { Resources: {} }, /At least one Resources/],
    ["with a section that is none", { Resources: { A: { Type: T } }, Resource: {} }, /\[Resource\]/],
    [
      "beyond the limit",
      { Resources: { A: { Type: T, Properties: { x: "x".repeat(MAX_TEMPLATE_BYTES) } } } },
      /51200/,
    ],
  ] as [string, object, RegExp][])
    test(`${title} is refused`, () => assert.throws(() => read(template), message));

  test("with IAM's resources needs a capability, with names of theirs the greater one", () => {
    assert.equal(requiredCapability(read({ Resources: { A: { Type: T } } })), undefined);
    assert.equal(
      requiredCapability(read({ Resources: { A: { Type: "AWS::IAM::Role" } } })),
      "CAPABILITY_IAM",
    );
    assert.equal(
      requiredCapability(
        read({ Resources: { A: { Type: "AWS::IAM::Role", Properties: { RoleName: "x" } } } }),
      ),
      "CAPABILITY_NAMED_IAM",
    );
  });
});

describe("Parameters", () => {
  const declared = read({
    Resources: { A: { Type: T } },
    Parameters: {
      Annex: { Type: "String", AllowedPattern: "[a-z]+", MinLength: 2, MaxLength: 4 },
      Seconds: { Type: "Number", Default: 7, MinValue: 5, MaxValue: 9 },
      Public: { Type: "String", Default: "false", AllowedValues: ["true", "false"] },
      Zones: { Type: "CommaDelimitedList", Default: "a, b" },
    },
  });
  test("take their defaults and keep what is given", () => {
    assert.deepEqual(parameterValues(declared, { Annex: "abc" }), {
      Annex: "abc",
      Seconds: "7",
      Public: "false",
      Zones: ["a", "b"],
    });
  });
  for (const [given, message] of [
    [{}, /\[Annex\] must have values/],
    [{ Annex: "abc", Other: "1" }, /\[Other\] do not exist/],
    [{ Annex: "A1" }, /pattern/],
    [{ Annex: "a" }, /at least 2/],
    [{ Annex: "abcde" }, /at most 4/],
    [{ Annex: "abc", Seconds: "4" }, /not less than 5/],
    [{ Annex: "abc", Seconds: "10" }, /not greater than 9/],
    [{ Annex: "abc", Seconds: "x" }, /number/],
    [{ Annex: "abc", Public: "maybe" }, /AllowedValues/],
  ] as [Record<string, string>, RegExp][])
    test(`${JSON.stringify(given)} are refused`, () =>
      assert.throws(() => parameterValues(declared, given), message));
});
