import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hookOutput } from "../../core/hook-output.ts";
import { checkOwnState, formatHookState, parseHookState, type HookState } from "../../core/hook-state.ts";
import { NO_WAIT_VALUE_MEMORY } from "../../core/laws/wait-value-memory.ts";
import { NO_MEMORY } from "../../core/hook-memory.ts";

const STATE: HookState = {
  burst: {
    attributes: { JobsIdle: 3, Reason: "3 idle jobs", Flag: true },
    memory: {
      ...NO_MEMORY,
      joined: { "i-1": 5 },
      idleSince: { "i-1": 4 },
      noStart: { k: { cycleAt: 1, since: 1, cycles: 2, times: 0, waiting: 3, running: 0, until: undefined } },
    },
  },
};

test("what a run leaves is read by the next", () => {
  assert.deepEqual(parseHookState(formatHookState(STATE, "cm.pool.test")), STATE);
});

test("what the law has learned is left to the next run too", () => {
  const policy = { look: { at: 5, period: 60, waiting: 2, running: {} }, law: NO_WAIT_VALUE_MEMORY };
  const state = { burst: { attributes: {}, memory: { ...NO_MEMORY, policy } } };
  assert.deepEqual(parseHookState(formatHookState(state, "cm.pool.test")), state);
});

test("a schedd refuses the state of another, and takes its own, an older version's and what is no state", () => {
  const own = formatHookState(STATE, "cm.pool.test");
  assert.throws(() => checkOwnState(own, "other@cm.pool.test", "/var/lib/updraft"), {
    kind: "config",
    message: /is of schedd cm\.pool\.test, and this is schedd other@cm\.pool\.test/,
  });
  for (const text of [own, '{"format":1,"annexes":{}}', "", "{", "[1]"]) {
    assert.doesNotThrow(() => checkOwnState(text, "cm.pool.test", "/var/lib/updraft"), text);
  }
});

test("whatever is in the file instead, there is no history and no failure", () => {
  for (const text of ["", "{", "null", "[]", "5", '{"format":2,"annexes":{}}', '{"format":1}']) {
    assert.deepEqual(parseHookState(text), {}, text);
  }
  fc.assert(
    fc.property(fc.json(), (json) => {
      parseHookState(json);
      parseHookState(`{"format":1,"annexes":${json}}`);
      parseHookState(`{"format":1,"annexes":{"burst":${json}}}`);
    }),
  );
});

test("what is not an attribute or a time is dropped from it", () => {
  const text = JSON.stringify({
    format: 1,
    annexes: {
      burst: {
        attributes: { Good: 1, "Bad name": 2, List: [], Nothing: null },
        memory: { joined: { "i-1": "5", "i-2": 6 }, idleSince: [] },
      },
    },
  });
  assert.deepEqual(parseHookState(text), {
    burst: { attributes: { Good: 1 }, memory: { ...NO_MEMORY, joined: { "i-2": 6 } } },
  });
});

test("what was measured is printed and kept, and an old error is taken back", () => {
  const output = hookOutput();
  output.use(STATE, ["burst"]);
  assert.deepEqual(output.before("burst"), STATE["burst"]);
  const state = { attributes: { JobsIdle: 4, LastError: undefined }, memory: NO_MEMORY };
  output.measured("burst", state);
  assert.equal(output.text(), "LastError = undefined\nburst_JobsIdle = 4\nburst_LastError = undefined\n");
  assert.deepEqual(output.state(), { burst: state });
});

test("an annex that could not be measured keeps its last good attributes, with nothing ordered and the reason", () => {
  const output = hookOutput();
  output.use(STATE, ["burst", "new"]);
  output.held("burst", { limitedBy: "EC2", reason: 'it said "no"' }, 2.5, 1000);
  const text = output.text();
  assert.match(text, /^burst_JobsIdle = 3$/m);
  assert.match(text, /^burst_Ordered = 0$/m);
  assert.match(text, /^burst_LimitedBy = "EC2"$/m);
  assert.match(text, /^burst_Reason = "nothing is ordered or released: it said \\"no\\""$/m);
  assert.match(text, /^burst_LastError = "it said \\"no\\""$/m);
  assert.match(text, /^burst_TickSeconds = 2.5/m);
  assert.match(text, /^burst_SensorAge = undefined$/m, "nobody knows when it was measured");
  assert.deepEqual(output.state(), STATE, "a reading that failed is not remembered");
});

test("what was measured last is told with its age, which a clock that was set back does not make negative", () => {
  const output = hookOutput();
  output.use({ burst: { attributes: { MeasuredAt: 900 }, memory: NO_MEMORY } });
  output.held("burst", { limitedBy: "EC2", reason: "no" }, 1, 1000.5);
  assert.match(output.text(), /^burst_SensorAge = 100$/m);
  output.held("burst", { limitedBy: "EC2", reason: "no" }, 1, 800);
  assert.match(output.text(), /^burst_SensorAge = 0$/m);
});

test("a run that fails as a whole says so for every annex that it had not measured", () => {
  const output = hookOutput();
  output.use({ ...STATE, other: { attributes: { JobsIdle: 9 }, memory: NO_MEMORY } });
  output.measured("other", { attributes: { JobsIdle: 1 }, memory: NO_MEMORY });
  output.failed("no HTCondor", 1000);
  const text = output.text();
  assert.match(text, /^LastError = "no HTCondor"$/m);
  assert.match(text, /^burst_LastError = "no HTCondor"$/m);
  assert.match(text, /^other_JobsIdle = 1$/m);
  assert.doesNotMatch(text, /other_LastError/);
});
