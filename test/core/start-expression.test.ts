import assert from "node:assert/strict";
import { test } from "node:test";
import { expressionProblem } from "../../core/classad.ts";
import { demandExpression, startExpression } from "../../core/start-expression.ts";
import { annex } from "../support/knobs.ts";

const TERMS = { annex: "burst", schedd: "cm.pool.test", jobs: "MayUseAWS =?= true", owners: "*" as const };

test("jobs, target annex and schedd stand in every expression", () => {
  assert.equal(
    startExpression(TERMS),
    '(MayUseAWS =?= true) && (TargetAnnexName =?= undefined || TargetAnnexName =?= "burst") && (UpdraftSchedd =?= "cm.pool.test")',
  );
});

test("users are compared by their full name and groups by the accounting group", () => {
  assert.match(
    startExpression({ ...TERMS, owners: ["alice@pool.test", "group_physics"] }),
    / && \(User =\?= "alice@pool\.test" \|\| AcctGroup =\?= "group_physics"\)$/,
  );
});

test("what the administrator wrote cannot reach beyond its own parentheses", () => {
  const text = startExpression({ ...TERMS, jobs: "A || B" });
  assert.ok(text.startsWith("(A || B) && "));
});

test("a schedd's name is quoted", () => {
  const text = startExpression({ ...TERMS, schedd: 'a"b\\c' });
  assert.ok(text.includes('"a\\"b\\\\c"'));
  assert.equal(expressionProblem(text), undefined);
});

test("a job that would not finish on a new instance is no demand, and one of which nothing is expected is", () => {
  const knobs = annex({ leaseSeconds: 3600, drainSeconds: 600 });
  const start = startExpression({ ...TERMS, jobs: knobs.jobs, owners: knobs.owners });
  assert.equal(demandExpression(knobs, TERMS.schedd), start);
  const text = demandExpression({ ...knobs, expectedRuntime: "A ?: B" }, TERMS.schedd);
  assert.equal(text, `${start} && ((A ?: B) < 2934) =!= false`);
  assert.equal(expressionProblem(text), undefined);
});
