import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseIdtoken } from "../../core/idtoken.ts";
import { token } from "../support/token.ts";

test("a token says who its holder is, who signed it, what it is good for and until when", () => {
  assert.deepEqual(parseIdtoken(`# a comment\n\n${token()}`), {
    identity: "annex-burst@pool.test",
    issuer: "pool.test",
    keyId: "POOL",
    scopes: ["ADVERTISE_STARTD", "ADVERTISE_MASTER"],
    issuedAt: 1_899_990_000,
    expires: 1_902_592_000,
    id: "0123456789abcdef",
  });
});

test("a token that says less is read too", () => {
  const bare = token({ scope: undefined, exp: undefined, jti: undefined });
  const read = parseIdtoken(bare.replace(/^[^.]*/, Buffer.from("{}").toString("base64url")));
  assert.ok(typeof read !== "string");
  assert.deepEqual([read.scopes, read.expires, read.id, read.keyId], [[], undefined, "", ""]);
});

test("what is no token is told, and never repeated", () => {
  const [header = "", payload = "", signature = ""] = token().trim().split(".");
  const part = (text: string): string => Buffer.from(text).toString("base64url");
  const cases: [string, RegExp][] = [
    ["", /empty/],
    ["# a comment\n", /empty/],
    [token() + token(), /more than one line/],
    ["nonsense", /no JSON web token/],
    [`${header}.${payload}`, /no JSON web token/],
    [`${header}.${payload}.${signature}.${signature}`, /no JSON web token/],
    [`${header}.${payload}.with blank`, /no JSON web token/],
    [`${header}.a*b.${signature}`, /no JSON web token/],
    [`${header}.${part("[1")}.${signature}`, /no JSON web token/],
    [`${header}.${part("12")}.${signature}`, /no JSON web token/],
    [token({ sub: 1 }), /no subject/],
    [token({ iss: undefined }), /no issuer/],
    [token({ iat: "now" }), /no numbers/],
    [token({ exp: "then" }), /no numbers/],
  ];
  for (const [text, expected] of cases) {
    const told = parseIdtoken(text);
    assert.ok(typeof told === "string", text);
    assert.match(told, expected);
    if (text !== "") assert.ok(!told.includes(text.trim()));
  }
});

test("no text makes the reader throw", () => {
  const part = fc.oneof(
    fc.string(),
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
  );
  fc.assert(fc.property(fc.array(part, { maxLength: 4 }), (parts) => void parseIdtoken(parts.join("."))));
});
