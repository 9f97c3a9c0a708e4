import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  attributeLine,
  attributeNames,
  expressionProblem,
  quote,
  hidesAttributes,
} from "../../core/classad.ts";

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

test("a published value is one line, typed, whatever is in it", () => {
  assert.equal(attributeLine("A", 3), "A = 3");
  assert.equal(attributeLine("A", 0.25), "A = 0.250000000000");
  assert.equal(attributeLine("A", Number.NaN), "A = undefined");
  assert.equal(attributeLine("A", Number.POSITIVE_INFINITY), "A = undefined");
  assert.equal(attributeLine("A", true), "A = true");
  assert.equal(attributeLine("A", false), "A = false");
  assert.equal(attributeLine("A", undefined), "A = undefined");
  assert.equal(attributeLine("A", 'x"\nEvil = 1\r\u2028\\'), 'A = "x\\" Evil = 1 \\\\"');
  assert.ok(attributeLine("A", "x".repeat(1e6)).length < 3000);
  assert.throws(() => attributeLine("A = 1\nB", 1), /not the name of an attribute/);
});

test("no text can leave its string", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const line = attributeLine("A", text);
      assert.match(line, /^A = "(?:[^"\\]|\\["\\])*"$/);
      assert.doesNotMatch(line, /[\r\n]/);
    }),
  );
});

test("an expression that may read what it does not name is told", () => {
  for (const open of ["MayUseAWS =?= true", 'Owner == "eval(it\'s)"', "MedievalJob", 'regexp("\'", X)']) {
    assert.equal(hidesAttributes(open), false, open);
  }
  for (const hidden of ['eval("MayUse" + "AWS")', "EvalInEachContext(X, Y)", "'May Use' == 1"]) {
    assert.equal(hidesAttributes(hidden), true, hidden);
  }
});
