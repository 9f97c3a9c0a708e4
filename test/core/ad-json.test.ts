import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Expression, formatAd, formatAds, number, parseAd, text, type AdValue } from "../../core/ad-json.ts";

test("values keep their types, and names are compared as HTCondor does", () => {
  const ad = parseAd(
    String.raw`{ "RequestCpus": 2, "B": true, "S": "a\"b", "U": null, "L": [1, "x"], "R": {"In": 1.5} }`,
  );
  assert.equal(number(ad.get("requestcpus")), 2);
  assert.equal(text(ad.get("s")), 'a"b');
  assert.equal(text(ad.get("requestcpus")), undefined);
  assert.equal(number(ad.get("s")), undefined);
  assert.equal(
    formatAd(ad),
    String.raw`[ requestcpus = 2; b = true; s = "a\"b"; u = undefined; l = { 1, "x" }; r = [ In = 1.5 ] ]`,
  );
});

test("an expression is told from a string that looks like one", () => {
  const ad = parseAd(String.raw`{ "E": "\/Expr(x is \"\\\\n\")\/", "S": "/Expr(1; Requirements = true)/" }`);
  assert.deepEqual(ad.get("e"), new Expression(String.raw`x is "\\n"`));
  assert.equal(ad.get("s"), "/Expr(1; Requirements = true)/");
  assert.equal(formatAd(ad), String.raw`[ e = x is "\\n"; s = "/Expr(1; Requirements = true)/" ]`);
});

test("no value ends its ad, its attribute or its line", () => {
  const ad = new Map<string, AdValue>([
    ["a", '" ]\n,\n[ b = 1; \\'],
    ["odd name", 1],
    ["it's", 2],
  ]);
  assert.equal(formatAd(ad), String.raw`[ a = "\" ]\012,\012[ b = 1; \\"; 'odd name' = 1; 'it\'s' = 2 ]`);
  assert.equal(formatAd(new Map([["e", new Expression("1\n]")]])), "[ e = 1 ] ]");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const line = formatAd(new Map([["a", value]]));
      assert.match(line, /^\[ a = "(?:[^"\\\p{Cc}]|\\["\\]|\\[0-7]{3})*" \]$/u);
    }),
  );
  assert.equal(formatAds(["[ a = 1 ]", "[ a = 2 ]"]), "{\n[ a = 1 ]\n,\n[ a = 2 ]\n}\n");
  assert.equal(formatAd(new Map([["u", undefined]])), "[ u = undefined ]");
});

test("what is no object is no ad", () => {
  for (const wrong of ["5", "null", "[]", '"x"', "{", String.raw`"\/Expr(1)\/"`]) {
    assert.throws(() => parseAd(wrong), SyntaxError, wrong);
  }
});
