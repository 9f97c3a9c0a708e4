import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../../adapters/run.ts";

const sh = run({ EXTRA: "here" });

test("the output is given as it is", async () => {
  assert.equal(await sh("sh", ["-c", 'printf "%s\\n" "$EXTRA"']), "here\n");
});

test("a failure tells the program, its status and what it said, and never its arguments", async () => {
  await assert.rejects(sh("sh", ["-c", "echo broken >&2; exit 7", "SECRET"]), (error: Error) => {
    assert.equal(error.message, "sh ended with status 7: broken");
    assert.doesNotMatch(JSON.stringify(error), /SECRET/);
    assert.equal(error.cause, undefined);
    return true;
  });
});

test("a program that hangs is ended, and so is one that prints without end", async () => {
  const started = Date.now();
  await assert.rejects(sh("sleep", ["60"], { timeoutSeconds: 0.2 }), /sleep did not end within 0.2 s/);
  await assert.rejects(
    sh("yes", [], { timeoutSeconds: 20, maxBytes: 1000 }),
    /yes printed more than can be read/,
  );
  assert.ok(Date.now() - started < 15_000);
});

test("a program that is ended by a signal is told", async () => {
  await assert.rejects(sh("sh", ["-c", "kill -TERM $$"]), /ended by SIGTERM/);
});

test("a program that is not there, is not HTCondor's, or may not be run is told apart", async () => {
  await assert.rejects(sh("condor_nothing", []), { kind: "config", message: /no HTCondor on PATH/ });
  await assert.rejects(sh("no-such-program", []), { kind: "config", message: /no program no-such-program/ });
  await assert.rejects(sh("/etc/passwd", []), { kind: "denied" });
});

test("a program reads what it is given, and a long answer comes as it is printed", async () => {
  assert.equal(await sh("cat", [], { timeoutSeconds: 5, input: "a\nb" }), "a\nb");
  let length = 0;
  const onText = (text: string): void => void (length += text.length);
  const long = ["-c", "i=0; while [ $i -lt 9 ]; do head -c 10000000 /dev/zero; i=$((i + 1)); done"];
  assert.equal(await sh("sh", long, { timeoutSeconds: 20, onText }), "");
  assert.equal(length, 90_000_000);
  await assert.rejects(sh("sh", ["-c", "echo half; exit 3"], { timeoutSeconds: 5, onText }), /status 3/);
  let text = "";
  await sh("printf", ["\\303"], { timeoutSeconds: 5, onText: (some) => void (text += some) });
  assert.equal(text, "\uFFFD", "a character that was cut in two");
});
