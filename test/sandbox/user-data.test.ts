import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { readUserData } from "../../sandbox/user-data.ts";

const script = Buffer.from("#!/bin/sh\necho hello\n");

describe("user data", () => {
  test("is none when empty", () => {
    assert.deepEqual(readUserData(new Uint8Array()), { kind: "none" });
  });

  test("is a script when it begins with #!, packed by gzip or not", () => {
    for (const stored of [script, gzipSync(script)]) {
      const read = readUserData(stored);
      assert.equal(read.kind, "script");
      assert.deepEqual(Buffer.from(read.kind === "script" ? read.content : []), script);
    }
  });

  test("of any other kind is ignored and said why", () => {
    for (const stored of [
      Buffer.from("#cloud-config\n"),
      gzipSync("hello"),
      Buffer.from("#"),
      gzipSync(script).subarray(0, 9),
    ]) {
      const read = readUserData(stored);
      assert.ok(read.kind === "ignored" && read.why.length > 0);
    }
  });
});
