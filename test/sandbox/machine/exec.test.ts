import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { account, asUser, environmentOf } from "../../../sandbox/machine/exec.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1001::/home/alice:\n";

describe("a command in a machine", () => {
  test("runs with the ids of its user, in his home unless another directory is named", () => {
    const alice = account(PASSWD, "alice");
    const ids = ["setpriv", "--reuid=1000", "--regid=1001", "--init-groups", "--"];
    assert.deepEqual(asUser("alice", alice), ["env", "--chdir=/home/alice", ...ids]);
    assert.deepEqual(asUser("alice", alice, "/tmp"), ["env", "--chdir=/tmp", ...ids]);
    assert.deepEqual(asUser("root", account(PASSWD, "root")), ["env", "--chdir=/root"]);
  });

  test("gets the usual variables of its user, and those named over them", () => {
    const alice = account(PASSWD, "alice");
    const environment = environmentOf("alice", alice, { LANG: "C", A: "b c;$d" });
    assert.equal(environment["HOME"], "/home/alice");
    assert.equal(environment["SHELL"], "/bin/sh");
    assert.deepEqual([environment["LANG"], environment["A"]], ["C", "b c;$d"]);
  });

  test("of a user that the machine does not have is refused", () => {
    assert.throws(() => account(PASSWD, "mallory"), { kind: "usage" });
    assert.throws(() => account("", "root"), { kind: "usage" });
  });
});
