import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import {
  checkJobs,
  readChanges,
  readDuration,
  readLaws,
  readScenarios,
  readWaitValues,
  readWholeNumber,
} from "../../../core/study/inputs.ts";
import { machineOfType, parseMachine } from "../../../core/study/machine.ts";
import { workload } from "../../../core/sim/workload.ts";
import { annex } from "../../support/knobs.ts";

const text =
  (options: Record<string, string> = {}) =>
  (name: string): string | undefined =>
    options[name];

const refused = (what: () => unknown, message: RegExp, remedy?: RegExp): void =>
  assert.throws(what, (error: unknown) => {
    assert.ok(error instanceof UpdraftError && error.kind === "usage");
    assert.match(error.message, message);
    if (remedy !== undefined) assert.match(error.remedy, remedy);
    return true;
  });

test("laws and scenarios are read by name, each once, and a misspelt one finds what was meant", () => {
  assert.equal(readLaws(undefined)[0], "updraft");
  assert.equal(readLaws("all").length, 10);
  assert.deepEqual(readLaws("gcp, updraft,gcp"), ["gcp", "updraft"]);
  refused(() => readLaws("updraf"), /no law updraf/, /Did you mean updraft/);
  refused(() => readLaws("zzzzzzzzzzzz"), /no law/, /They are updraft, /);
  refused(() => readLaws(","), /names nothing/);
  assert.deepEqual(readScenarios("a,F"), ["A", "F"]);
  assert.equal(readScenarios("all").length, 7);
  refused(() => readScenarios("H"), /no scenario H/);
});

test("values of waiting are positive numbers, or the annex's knob", () => {
  assert.deepEqual(readWaitValues(undefined, undefined), [1, 3, 10]);
  assert.deepEqual(readWaitValues(undefined, annex({ waitValue: 2 })), [2]);
  assert.deepEqual(readWaitValues("0.5,4", annex({})), [0.5, 4]);
  for (const wrong of ["0", "-1", "NaN", "1e9", "much", "Infinity"])
    refused(() => readWaitValues(wrong, undefined), /no positive number/);
});

test("numbers and durations that are none are refused", () => {
  assert.equal(readWholeNumber("7", "seeds", 3), 7);
  assert.equal(readWholeNumber(undefined, "seeds", 3), 3);
  for (const wrong of ["0", "-1", "1.5", "1001", "x"])
    refused(() => readWholeNumber(wrong, "seeds", 3), /--seeds/);
  assert.equal(readDuration(text({ lease: "8h" }), "lease"), 28_800);
  for (const wrong of ["0", "-5m", "soon"])
    refused(() => readDuration(text({ lease: wrong }), "lease"), /no duration/);
});

test("options say over knobs how instances live", () => {
  assert.deepEqual(readChanges(text(), false, undefined), {
    changes: { spares: false },
    idleSeconds: undefined,
  });
  const knobs = annex({
    leaseSeconds: 7200,
    drainSeconds: 300,
    idleSeconds: 90,
    maxInstances: 9,
    spares: true,
  });
  assert.deepEqual(readChanges(text(), false, knobs), {
    changes: { spares: true, leaseSeconds: 7200, refuseSeconds: 300, maxInstances: 9 },
    idleSeconds: 90,
  });
  const given = { lease: "1h", drain: "50m", idle: "5m", "max-instances": "70" };
  assert.deepEqual(readChanges(text(given), true, knobs), {
    changes: { spares: true, leaseSeconds: 3600, refuseSeconds: 1800, maxInstances: 70 },
    idleSeconds: 300,
  });
  refused(() => readChanges(text({ "max-instances": "0" }), false, undefined), /--max-instances "0"/);
});

test("a machine is read as CPUs, GiB and GPUs, or from the name of a type that tells them", () => {
  assert.deepEqual(parseMachine("8:32"), {
    cpus: 8,
    memory: 32_768,
    disk: Number.POSITIVE_INFINITY,
    gpus: 0,
  });
  assert.equal(parseMachine("8:61.5:2").gpus, 2);
  for (const wrong of ["8", "0:4", "4:0", "a:b", "-1:4"]) refused(() => parseMachine(wrong), /is no machine/);
  const told = (type: string) =>
    (({ cpus, memory }) => [cpus, Math.round(memory / 0.93 / 1024)])(machineOfType(type));
  assert.deepEqual(told("m7i.large"), [2, 8]);
  assert.deepEqual(told("c6gn.medium"), [1, 2]);
  assert.deepEqual(told("r5.24xlarge"), [96, 768]);
  for (const wrong of ["t3.large", "c5n.large", "c4.large", "p4d.24xlarge", "m7i.metal", "x"])
    refused(() => machineOfType(wrong), /cannot be told from its name/, /--machine/);
});

test("a history without a job that fits is refused", () => {
  const machine = parseMachine("2:4");
  refused(() => checkJobs(workload([]), machine), /no job that can be simulated/);
  const job = { submitted: 0, runSeconds: 9, owner: "a" };
  const of = (cpus: number) => workload([{ ...job, request: { cpus, memory: 1, disk: 0, gpus: 0 } }]);
  refused(() => checkJobs(of(4), machine), /fits on a machine of 2 CPUs/);
  checkJobs(of(2), machine);
});
