import assert from "node:assert/strict";
import { test } from "node:test";
import { isAnnexName, parseAnnexName } from "../../core/annex.ts";

test("an annex name is a letter and up to 26 letters or digits, all in lower case", () => {
  for (const name of ["a", "burst", "burst2", "a".repeat(27)]) assert.ok(isAnnexName(name), name);
  for (const name of ["", "2a", "Burst", "a-b", "a_b", "a/b", "a\n", "a".repeat(28)])
    assert.ok(!isAnnexName(name), name);
});

test("what can be no annex's name is refused, shown without what a terminal would obey, and shortened", () => {
  assert.equal(parseAnnexName("burst2"), "burst2");
  const refusal = (text: string): Error & { kind: string; remedy: string } => {
    try {
      parseAnnexName(text);
    } catch (error) {
      return error as Error & { kind: string; remedy: string };
    }
    throw new Error(`${text} was taken`);
  };
  assert.match(refusal("Burst").remedy, /Did you mean burst\?$/);
  assert.doesNotMatch(refusal("burst;rm -rf").remedy, /Did you mean/);
  assert.ok(refusal("x".repeat(200)).message.length < 120);
  for (const text of ["", "bur st", "../burst", "burst*", "a\u001b[2Jb", "a\u009b2J", "b\nc", "bürst"]) {
    const { kind, message } = refusal(text);
    assert.equal(kind, "usage");
    assert.doesNotMatch(message, /\p{Cc}/u, JSON.stringify(text));
  }
});
