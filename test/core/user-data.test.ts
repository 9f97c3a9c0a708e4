import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { MAX_USER_DATA_BYTES, userData, type UserDataParameters } from "../../core/user-data.ts";

const parameters: UserDataParameters = {
  annex: "burst",
  bucket: "updraft-bucket-1",
  region: "us-east-1",
  roleId: "AROATEST",
  programSha256: "a".repeat(64),
  bootSeconds: 300,
};

describe("user data", () => {
  it("is a script that a POSIX shell can read", () => {
    for (const text of [
      userData(parameters),
      userData({ ...parameters, s3Endpoint: "http://10.0.0.1:9000/" }),
    ]) {
      assert.ok(text.startsWith("#!/bin/sh\n"));
      execFileSync("sh", ["-n"], { input: text });
    }
  });

  it("fits, however long its parameters are", () => {
    const longest = { annex: "a".repeat(27), bucket: "b".repeat(63), roleId: "R".repeat(128) };
    assert.ok(Buffer.byteLength(userData({ ...parameters, ...longest })) < MAX_USER_DATA_BYTES);
  });

  it("names the role's id once, so that a template can put a reference there", () => {
    assert.equal(userData({ ...parameters, roleId: "THE-ROLE" }).split("THE-ROLE").length, 2);
  });

  it("knows where the executable is", () => {
    const key = `bin/${"a".repeat(64)}/updraft-bootstrap`;
    const url = (change: Partial<UserDataParameters>) =>
      /^url='(.*)'$/m.exec(userData({ ...parameters, ...change }))?.[1];
    assert.equal(url({}), `https://updraft-bucket-1.s3.us-east-1.amazonaws.com/${key}`);
    assert.equal(
      url({ region: "cn-north-1" }),
      `https://updraft-bucket-1.s3.cn-north-1.amazonaws.com.cn/${key}`,
    );
    assert.equal(url({ s3Endpoint: "http://10.0.0.1/" }), `http://10.0.0.1/updraft-bucket-1/${key}`);
  });

  it("refuses what could become shell words", () => {
    for (const evil of ["a'b", "a b", "a\nb", "a;b", "$(id)", "`id`"]) {
      for (const name of ["annex", "bucket", "region", "roleId", "s3Endpoint"] as const) {
        assert.throws(
          () => userData({ ...parameters, [name]: evil }),
          /cannot stand in user data/,
          `${name} ${evil}`,
        );
      }
    }
  });
});
