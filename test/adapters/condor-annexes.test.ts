import assert from "node:assert/strict";
import { test } from "node:test";
import { condorAnnexes } from "../../adapters/condor-annexes.ts";

/** HTCondor's answer, and what it was asked. */
function answering(answer: string): { asked: string[][]; annexes: ReturnType<typeof condorAnnexes> } {
  const asked: string[][] = [];
  const annexes = condorAnnexes(async (program, args) => {
    asked.push([program, ...args]);
    return answer;
  });
  return { asked, annexes };
}

test("jobs tell on which instance they run or ran", async () => {
  const { asked, annexes } = answering(
    JSON.stringify([
      { ClusterId: 1, ProcId: 0, JobStatus: 2, MachineAttrCloudInstanceID0: "i-1" },
      { ClusterId: 1, ProcId: 1, JobStatus: 1, MachineAttrCloudInstanceID0: "i-2" },
      { ClusterId: 1, ProcId: 2, JobStatus: 6, MachineAttrCloudInstanceID0: "i-3" },
      { ClusterId: 1, ProcId: 3, JobStatus: 2 },
    ]),
  );
  assert.deepEqual(await annexes.jobs("burst"), [
    { id: "1.0", instanceId: "i-1", running: true },
    { id: "1.1", instanceId: "i-2", running: false },
    { id: "1.2", instanceId: "i-3", running: true },
  ]);
  assert.deepEqual(asked[0]?.slice(0, 4), [
    "condor_q",
    "-allusers",
    "-constraint",
    'MachineAttrAnnexName0 =?= "burst"',
  ]);
  assert.deepEqual(await answering("\n").annexes.jobs("burst"), []);
});

test("the history is asked for a bounded number of jobs, and tells each instance once", async () => {
  const { asked, annexes } = answering("i-2\ni-2\n\nundefined\n");
  assert.deepEqual(await annexes.worked(["i-1", "i-2"]), ["i-2"]);
  assert.ok(asked[0]?.includes('member(MachineAttrCloudInstanceID0, {"i-1","i-2"})'));
  assert.ok(asked[0]?.includes("-scanlimit"));
});

test("what the hook said is read from the schedd's ad, and nothing is nothing", async () => {
  const ad = {
    Annex_burst_LimitedBy: "None",
    Annex_burst_Reason: "order 1",
    Annex_burst_MeasuredAt: 5,
  };
  const { asked, annexes } = answering(JSON.stringify([ad]));
  assert.deepEqual(await annexes.hookSaid("cm.pool.test", "burst"), {
    limitedBy: "None",
    reason: "order 1",
    measuredAt: 5,
    error: undefined,
  });
  assert.ok(asked[0]?.includes('Name =?= "cm.pool.test"'));
  assert.equal(await annexes.hookSaid("cm.pool.test", "burst2"), undefined);
  assert.equal(await answering("").annexes.hookSaid("cm.pool.test", "burst"), undefined);
});

test("attributes of the schedd's ad are read as numbers and texts, and others are not there", async () => {
  const ad = { Annex_burst_A: 0.5, Annex_burst_B: "measured", Annex_burst_C: null, Annex_burst_D: 7 };
  const { asked, annexes } = answering(JSON.stringify([ad]));
  const names = ["Annex_burst_A", "Annex_burst_B", "Annex_burst_C", "Annex_burst_E"];
  assert.deepEqual(await annexes.published("cm.pool.test", names), {
    Annex_burst_A: 0.5,
    Annex_burst_B: "measured",
  });
  assert.ok(asked[0]?.includes('Name =?= "cm.pool.test"'));
  assert.deepEqual(await answering("").annexes.published("cm.pool.test", names), {});
});
