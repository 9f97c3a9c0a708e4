import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { attributeNames, expressionProblem, quote } from "../../core/classad.ts";

test("a quoted string ends only at its own closing quote", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const literal = quote(text);
      assert.equal(expressionProblem(literal.replace(/[\r\n]|\$[A-Za-z_]*\(/g, "")), undefined);
      assert.equal(literal.slice(1, -1).replace(/\\([\\"])/g, "$1"), text);
    }),
  );
});

test("an expression that HTCondor could not read from a configuration file is told apart", () => {
  const cases: [string, string | undefined][] = [
    ["MayUseAWS =?= true", undefined],
    ['(A && {1, 2}[0] == 1) || B == ")"', undefined],
    ["'odd name' == 1", undefined],
    ['A == "\\""', undefined],
    ["  ", "it is empty"],
    ["A &&\nB", "it has more than one line"],
    ["A == $(NOPE)", "it holds a macro that HTCondor could not expand"],
    ["A == $RANDOM_CHOICE(1)", "it holds a macro that HTCondor could not expand"],
    ["(A", "its ( is not closed"],
    ["A)", "its ) closes nothing"],
    ["(A]", "its ] closes nothing"],
    ['A == "b', 'its " is not closed'],
    ['A == "b\\"', 'its " is not closed'],
  ];
  for (const [text, problem] of cases) assert.equal(expressionProblem(text), problem, text);
});

test("names inside strings are no attributes", () => {
  assert.deepEqual(attributeNames('Foo == "Bar baz" && quux2'), new Set(["foo", "quux2"]));
});
