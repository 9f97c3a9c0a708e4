import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { archive, sha256 } from "../../adapters/archive.ts";

test("the same files give the same bytes, in whatever order they come", () => {
  const one = archive({ "a.config": "A = 1\n", "b.config": "B = 2\n" });
  assert.deepEqual(one, archive({ "b.config": "B = 2\n", "a.config": "A = 1\n" }));
  assert.notDeepEqual(one, archive({ "a.config": "A = 2\n", "b.config": "B = 2\n" }));
});

test("tar reads what was packed", () => {
  const packed = archive({ "a.config": "A = ü\n", "empty.config": "" });
  const tar = (...args: string[]): string => execFileSync("tar", args, { input: packed, encoding: "utf8" });
  assert.match(
    tar("-tvzf", "-"),
    /^-rw-r--r-- root\/root +7 1970-01-01 .* a\.config\n-rw-r--r-- .* empty\.config\n$/,
  );
  assert.equal(tar("-xzOf", "-", "a.config"), "A = ü\n");
});

test("a sha256 is written in lower-case hexadecimal", () => {
  assert.equal(
    sha256(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
