import assert from "node:assert/strict";
import { test } from "node:test";
import { asksForOptIn, DEFAULT_OPT_IN, scoped, unscopedName } from "../../core/opt-in.ts";

test("an opt-in reads the job alone, and of a slot only what the collector has written", () => {
  for (const good of [
    DEFAULT_OPT_IN,
    'MY.MayUseAWS =?= true || stringListMember(MY.User, "alice@pool.test, MayUseAWS")',
    'TARGET.AuthenticatedIdentity == "annex-burst@pool.test" && my.Department is "physics"',
    "MY.RequestMemory < 1.5e3 && (MY.X isnt undefined)",
    'MY.A == "it says \\"B\\""',
  ])
    assert.equal(unscopedName(good), undefined, good);
  for (const [bad, name] of [
    ["MayUseAWS =?= true", "MayUseAWS"],
    ["MY.MayUseAWS && Department == 1", "Department"],
    ["TARGET.MayUseAWS", "TARGET.MayUseAWS"],
    ["MY.a.b", "MY.a.b"],
    [".MayUseAWS", ".MayUseAWS"],
    ["MY . MayUseAWS", "MY"],
    ["true && mayuseaws (", undefined],
    ["'MayUseAWS'", "a name in quotes or in eval()"],
    ['eval("MayUseAWS")', "a name in quotes or in eval()"],
  ] as const)
    assert.equal(unscopedName(bad), name, bad);
});

test("what _JOBS says without scopes is said of the job alone, strings and functions as they are", () => {
  assert.equal(
    scoped('WantCloud =?= true && regexp("WantCloud", My.Department) && TARGET.X is undefined'),
    'MY.WantCloud =?= true && regexp("WantCloud", My.Department) && TARGET.X is undefined',
  );
  assert.equal(unscopedName(scoped("A + b_1 > 3 || !C")), undefined);
});

test("_JOBS asks for the opt-in when it is one of the terms that all must hold", () => {
  for (const jobs of [
    "MayUseAWS =?= true",
    "mayuseaws=?=TRUE",
    "( (MY.MayUseAWS =?= true) )",
    "MayUseAWS =?= true && RequestMemory <= 8192",
    '(A =?= true || B == ")(") && (MayUseAWS =?= true)',
    'X == "a || b" && MayUseAWS =?= true',
  ])
    assert.ok(asksForOptIn(jobs, DEFAULT_OPT_IN), jobs);
  for (const jobs of [
    "WantCloud =?= true",
    "MayUseAWS =!= false",
    "MayUseAWS =?= true || WantCloud",
    "A && MayUseAWS =?= true || B",
    "A ? MayUseAWS =?= true : B && MayUseAWS =?= true",
    "!(MayUseAWS =?= true)",
    '"MayUseAWS =?= true"',
    "(A) || (MayUseAWS =?= true)",
  ])
    assert.ok(!asksForOptIn(jobs, DEFAULT_OPT_IN), jobs);
});
