import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ghosts } from "../../adapters/condor-ghosts.ts";

/** Answers by the program's name, and what was asked of which. */
function answering(answers: Readonly<Record<string, unknown>>) {
  const asked: string[][] = [];
  const run = async (program: string, args: readonly string[]): Promise<string> => {
    asked.push([program, ...args]);
    if (program === "condor_advertise") asked.push(["file", await readFile(args.at(-1) ?? "", "utf8")]);
    return program in answers ? JSON.stringify(answers[program]) : "";
  };
  return { asked, ghosts: ghosts(run) };
}

const RUN = { job: "7.1", instanceId: "i-1", remoteHost: 'slot1_1@i-1."', shadowStarts: 2 };

test("a run counts only when its present host is the instance of its last match", async () => {
  const ad = { ClusterId: 7, ProcId: 1, MachineAttrCloudInstanceID0: "i-1", NumShadowStarts: 2 };
  const { ghosts, asked } = answering({
    condor_q: [
      { ...ad, RemoteHost: "slot1_1@i-1.ec2" },
      { ...ad, RemoteHost: "slot1_1@i-2.ec2" },
      ad,
      { ...ad, RemoteHost: "slot1_1@i-1.ec2", NumShadowStarts: "many" },
      { ...ad, RemoteHost: "slot1_1@i-1.ec2", ProcId: null },
    ],
  });
  assert.deepEqual(await ghosts.runs(["i-1", "i-3"]), [{ ...RUN, remoteHost: "slot1_1@i-1.ec2" }]);
  assert.ok(asked[0]?.includes('JobStatus == 2 && stringListMember(MachineAttrCloudInstanceID0, "i-1,i-3")'));
});

test("slots without a name or an instance are none", async () => {
  const { ghosts } = answering({
    condor_status: [
      { Name: "slot1@a", CloudInstanceID: "i-1" },
      { Name: "slot1@b" },
      { CloudInstanceID: "i-1" },
    ],
  });
  assert.deepEqual(await ghosts.slots(["i-1"]), [{ name: "slot1@a", instanceId: "i-1" }]);
});

test("the schedd itself looks again whether a run is still the same, and no value of it becomes an expression", async () => {
  const { ghosts, asked } = answering({});
  await ghosts.vacate([RUN, { ...RUN, job: "8.0" }]);
  const run = (cluster: number, proc: number): string =>
    `(ClusterId == ${cluster} && ProcId == ${proc} && JobStatus == 2 && RemoteHost == "slot1_1@i-1.\\"" && NumShadowStarts == 2)`;
  assert.deepEqual(asked, [["condor_vacate_job", "-fast", "-constraint", `${run(7, 1)} || ${run(8, 0)}`]]);
});

test("ads are withdrawn by name, from a file that does not stay", async () => {
  const { ghosts, asked } = answering({});
  await ghosts.withdraw([{ name: "slot1@a", instanceId: "i-1" }]);
  const [[program, multiple, command, file = ""] = [], [, text] = []] = asked;
  assert.deepEqual([program, multiple, command], ["condor_advertise", "-multiple", "INVALIDATE_STARTD_ADS"]);
  assert.equal(
    text,
    'MyType = "Query"\nTargetType = "Machine"\nName = "slot1@a"\nRequirements = Name == "slot1@a"\n',
  );
  await assert.rejects(readFile(file));
});

test("one idle job is given the priority that it has, so that the schedd makes its list anew", async () => {
  const { ghosts, asked } = answering({ condor_q: [{ ClusterId: 3, ProcId: 0, JobPrio: -5 }] });
  await ghosts.rouse("Mine");
  assert.ok(asked[0]?.includes("JobStatus == 1 && (Mine)"));
  const same = "ClusterId == 3 && ProcId == 0 && JobPrio == -5";
  assert.deepEqual(asked[1], ["condor_qedit", "-constraint", same, "JobPrio", "-5"]);
  const none = answering({});
  await none.ghosts.rouse("Mine");
  assert.equal(none.asked.length, 1);
});
