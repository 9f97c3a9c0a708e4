import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkAnnexToken,
  checkOutlives,
  describeToken,
  expiryWarning,
  parseLifetime,
  revocation,
  tokenCommand,
} from "../../core/credential.ts";
import { UpdraftError } from "../../core/errors.ts";
import { token } from "../support/token.ts";

const NOW = 1_900_000_000;
const DAY = 86400;
const check = (text: string, domain: string | undefined = "pool.test") =>
  checkAnnexToken(text, "burst", domain, NOW);

test("a token of the annex that advertises and does nothing else is taken", () => {
  assert.equal(check(token()).expires, 1_902_592_000);
  assert.equal(check(token(), undefined).identity, "annex-burst@pool.test");
});

test("a token of somebody else, one that is good for more, and one without an end are refused", () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ sub: "annex-other@pool.test" }, /its identity is "annex-other@pool.test", not annex-burst@pool.test/],
    [{ sub: "condor@pool.test" }, /its identity is/],
    [{ iss: "pool2.test" }, /its issuer is "pool2.test", not the trust domain pool.test/],
    [{ scope: undefined }, /good for everything/],
    [{ scope: "condor:/ADVERTISE_STARTD condor:/WRITE" }, /good for "WRITE"/],
    [{ scope: "condor:/ADVERTISE_STARTD" }, /not good for ADVERTISE_MASTER/],
    [{ exp: undefined }, /never ends/],
    [{ exp: NOW }, /it ended at 2030/],
  ];
  for (const [claims, message] of cases) {
    assert.throws(
      () => check(token(claims)),
      (error) =>
        error instanceof UpdraftError &&
        error.kind === "config" &&
        message.test(error.message) &&
        /updraft credential rotate burst/.test(error.remedy),
    );
  }
  assert.throws(() => check("nonsense"), /it is no JSON web token/);
});

test("HTCondor's own command makes such a token", () => {
  assert.equal(
    tokenCommand("burst", "pool.test", 3600).join(" "),
    "condor_token_create -identity annex-burst@pool.test -authz ADVERTISE_STARTD -authz ADVERTISE_MASTER -lifetime 3600",
  );
  assert.deepEqual(tokenCommand("burst", "pool.test", 3600, "ANNEX").slice(-2), ["-key", "ANNEX"]);
});

test("leases must end some minutes before the token does, and a password never ends", () => {
  checkOutlives("burst", undefined, NOW);
  checkOutlives("burst", NOW + 300, NOW);
  assert.throws(() => checkOutlives("burst", NOW + 299, NOW), {
    kind: "config",
    remedy: /updraft credential rotate burst/,
  });
});

test("a token that ends within a week is told of", () => {
  assert.equal(expiryWarning("burst", NOW + 7 * DAY, NOW), undefined);
  assert.match(expiryWarning("burst", NOW + DAY, NOW) ?? "", /ends in 1d; .* rotate burst/);
  assert.match(expiryWarning("burst", NOW - 1, NOW) ?? "", /ended at 2030/);
});

test("a person asks for a lifetime between an hour and a year", () => {
  assert.equal(parseLifetime("30d"), 30 * DAY);
  for (const text of ["59m", "367d", "long"])
    assert.throws(() => parseLifetime(text), { kind: "usage", message: /from 1h to 366d/ });
});

test("what is told of a token is all but the token, and how those before it are revoked", () => {
  const text = token();
  const lines = [...describeToken(check(text), NOW), ...revocation(check(text), check(token({ jti: "b" })))];
  assert.ok(lines.includes("good for: ADVERTISE_STARTD, ADVERTISE_MASTER"));
  assert.ok(lines.some((line) => /ends at: .*, in 30d$/.test(line)));
  assert.match(lines.at(-1) ?? "", /= sub =\?= "annex-burst@pool.test" && jti =!= "b"$/);
  for (const part of text.trim().split(".")) assert.ok(!lines.join("\n").includes(part));
});
