import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { account, asUser } from "../../../sandbox/machine/exec.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1001::/home/alice:\n";

describe("a command in a machine", () => {
  test("runs with the ids and the home of its user", () => {
    const command = asUser("alice", account(PASSWD, "alice"), {});
    assert.ok(command.includes("HOME=/home/alice"));
    assert.ok(command.includes("SHELL=/bin/sh"));
    assert.deepEqual(command.slice(-5), ["setpriv", "--reuid=1000", "--regid=1001", "--init-groups", "--"]);
  });

  test("gets variables whole, whatever is in them, over the usual ones", () => {
    const command = asUser("root", account(PASSWD, "root"), { environment: { HOME: "/x", A: "b c;$d" } });
    assert.ok(command.includes("A=b c;$d"));
    assert.ok(command.includes("HOME=/x") && !command.includes("HOME=/root"));
    assert.ok(!command.includes("setpriv"));
  });

  test("of a user that the machine does not have is refused", () => {
    assert.throws(() => account(PASSWD, "mallory"), { kind: "usage" });
    assert.throws(() => account("", "root"), { kind: "usage" });
  });
});
