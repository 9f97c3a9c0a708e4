import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatManifest, parseManifest, type Manifest } from "../../core/manifest.ts";

const SHA = "ab".repeat(32);
const MANIFEST: Manifest = {
  annex: "burst",
  pool: "pool.test",
  collectors: "cm.pool.test:9618?sock=collector, cm2.pool.test",
  maxLeaseSeconds: 604800,
  drainSeconds: 600,
  allowOpenMetadata: false,
  direct: false,
  configSha256: SHA,
  credential: { kind: "password", sha256: SHA },
};

test("a manifest is read back as it was written", () => {
  assert.deepEqual(parseManifest(formatManifest(MANIFEST)), MANIFEST);
  const token: Manifest = {
    ...MANIFEST,
    credential: { kind: "idtoken", sha256: SHA, expires: 1_900_000_000 },
  };
  assert.deepEqual(parseManifest(formatManifest(token)), token);
  const open: Manifest = { ...MANIFEST, allowOpenMetadata: true };
  assert.deepEqual(parseManifest(formatManifest(open)), open);
  const direct: Manifest = { ...MANIFEST, direct: true };
  assert.deepEqual(parseManifest(formatManifest(direct)), direct);
  assert.doesNotMatch(formatManifest(MANIFEST), /allow-open|direct/, "an older node does not know them");
});

test("what is wrong with a manifest is told", () => {
  const text = formatManifest(MANIFEST);
  const cases: [string, RegExp][] = [
    ["", /format is "", not 1/],
    [text.replace("format=1", "format=2"), /format is "2"/],
    [text.replace("annex=burst", "annex=Burst"), /annex "Burst" is not a name/],
    [text.replace("pool=pool.test", "pool=a b"), /pool "a b" is not a trust domain/],
    [text.replace(/collectors=.*/, "collectors=a|b"), /collectors ".*" is not a list of hosts/],
    [text.replace("604800", "0"), /max-lease-seconds "0" is not/],
    [
      text.replace(/^drain-seconds=.*$/m, "$&\nallow-open-metadata=maybe"),
      /allow-open-metadata "maybe" is not/,
    ],
    [text.replace(/^drain-seconds=.*$/m, "$&\ndirect=yes"), /direct "yes" is not true/],
    [text.replace(/^drain-seconds=.*$/m, ""), /drain-seconds "" is not a number/],
    [text.replace(SHA, "AB"), /config sha256 "AB" is not a sha256/],
    [text.replace("kind=password", "kind=none"), /credential kind "none"/],
    [text.replace(new RegExp(`${SHA}\\s*$`), "x"), /credential sha256 "x" is not/],
    [`${text}\nexpires=1900000000\n`, /expires "1900000000" is no time/],
    [text.replace("kind=password", "kind=idtoken"), /expires "" is no time/],
    [`${text.replace("kind=password", "kind=idtoken")}\nexpires=soon\n`, /expires "soon" is no time/],
    [`${text}\n[later]\nx=1\n`, /unknown entry later/],
    [`top=1\n${text}`, /unknown entry top/],
    [`${text}\nlater=1\n`, /unknown key later in \[credential\]/],
    [`constructor=1\n${text}`, /unknown entry constructor/],
  ];
  for (const [changed, message] of cases) {
    const result = parseManifest(changed);
    assert.ok(typeof result === "string", changed);
    assert.match(result, message);
  }
});

test("no text makes the reader throw, or gives a manifest that cannot be written again", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^(\[?[a-z]{1,9}\]?(=[ -~]{0,9})?\n){0,9}$/)),
      (text) => {
        const result = parseManifest(text);
        if (typeof result !== "string") assert.deepEqual(parseManifest(formatManifest(result)), result);
      },
    ),
  );
});
