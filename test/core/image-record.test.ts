import assert from "node:assert/strict";
import { test } from "node:test";
import { readImageRecord } from "../../core/image-record.ts";

test("an image's record says HTCondor's version and the driver for GPUs, if there is one", () => {
  const record = { format: 1, htcondor: "23.9.6", programSha256: "ab" };
  assert.deepEqual(readImageRecord(JSON.stringify(record)), { htcondor: "23.9.6" });
  const gpus = { ...record, gpuDriver: "nvidia 550.54.15" };
  assert.deepEqual(readImageRecord(JSON.stringify(gpus)), {
    htcondor: "23.9.6",
    gpuDriver: "nvidia 550.54.15",
  });
  assert.deepEqual(readImageRecord(JSON.stringify({ ...record, gpuDriver: "" })), { htcondor: "23.9.6" });
});

test("a text that is no record says nothing", () => {
  for (const text of [
    "",
    "{",
    "null",
    "7",
    '"x"',
    "[]",
    '{"format":2,"htcondor":"1.2.3"}',
    '{"format":1,"htcondor":7}',
  ])
    assert.deepEqual(readImageRecord(text), {}, text);
});
