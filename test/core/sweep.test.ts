import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSweep, sweepNow } from "../../core/sweep.ts";
import { World } from "../support/cloud.ts";

const SWEEP = {
  seen: 2,
  unreadable: {},
  ended: [{ id: "i-1", annex: "burst", reason: "lease ended 5 s ago" }],
  notEnded: [],
};

function ports(
  answer: { payload: string; failed?: boolean; log?: string } | undefined,
  asked: unknown[] = [],
) {
  const world = new World();
  world.stacks.set("updraft", {
    status: "CREATE_COMPLETE",
    parameters: {},
    outputs: { Bucket: "b", Enforcer: "arn:x:updraft-enforcer" },
  });
  return {
    world,
    cloudFormation: world.cloudFormation,
    enforcer: async (name: string, event: object) => {
      asked.push([name, event]);
      return answer && { failed: false, log: "", ...answer };
    },
  };
}

test("the enforcer of the account's stack is asked, and its answer is the sweep", async () => {
  const asked: unknown[] = [];
  const answer = { payload: JSON.stringify(SWEEP) };
  assert.deepEqual(await sweepNow(ports(answer, asked), "us-east-1", true), SWEEP);
  await sweepNow(ports(answer, asked), "us-east-1", false);
  assert.deepEqual(asked, [
    ["arn:x:updraft-enforcer", { dryRun: true }],
    ["arn:x:updraft-enforcer", { dryRun: false }],
  ]);
});

test("an account that is not set up, or has lost its enforcer, is refused with the remedy", async () => {
  const missing = ports(undefined);
  await assert.rejects(sweepNow(missing, "us-east-1", false), {
    kind: "config",
    message: /no function arn:x:updraft-enforcer/,
    remedy: /teardown --region us-east-1/,
  });
  missing.world.stacks.clear();
  await assert.rejects(sweepNow(missing, "us-east-1", false), {
    kind: "config",
    remedy: "Run: updraft setup --region us-east-1",
  });
});

test("a function that fails is told with its error and the end of its log", async () => {
  const log = Array.from({ length: 20 }, (_, i) => `line ${i}`).join("\n");
  const failed = {
    payload: '{"errorType":"Error","errorMessage":"2 instances could not be ended"}',
    failed: true,
    log,
  };
  await assert.rejects(sweepNow(ports(failed), "us-east-1", false), {
    kind: "failed",
    message: /2 instances could not be ended\n {2}line 10\n[^]*line 19$/,
  });
});

test("an answer that is no sweep is a failure, whatever it is", async () => {
  for (const payload of ["null", "{}", "<html>", '{"seen": 1}', '{"errorMessage": 7}']) {
    await assert.rejects(sweepNow(ports({ payload }), "us-east-1", false), { kind: "failed" }, payload);
  }
});

test("a sweep is told instance by instance, with the reason", () => {
  assert.deepEqual(describeSweep(SWEEP, true), [
    "would end i-1 (annex burst): lease ended 5 s ago",
    "2 instances of annexes seen, would end 1",
  ]);
  const stubborn = {
    ...SWEEP,
    ended: [],
    notEnded: [{ ...SWEEP.ended[0], error: "OperationNotPermitted" } as never],
  };
  assert.deepEqual(describeSweep(stubborn, false), [
    "could not end i-1 (annex burst): lease ended 5 s ago: OperationNotPermitted",
    "2 instances of annexes seen, ended 0",
  ]);
});
