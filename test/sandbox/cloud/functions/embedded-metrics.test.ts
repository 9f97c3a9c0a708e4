import assert from "node:assert/strict";
import { test } from "node:test";
import { embeddedMetrics } from "../../../../sandbox/cloud/functions/embedded-metrics.ts";

test("A line of the embedded metric format gives its metrics, any other none", () => {
  const line = JSON.stringify({
    _aws: {
      Timestamp: 5000,
      CloudWatchMetrics: [
        {
          Namespace: "Updraft",
          Dimensions: [["Stack"]],
          Metrics: [{ Name: "CompleteSweep" }, { Name: "Absent" }],
        },
      ],
    },
    Stack: "updraft",
    CompleteSweep: 1,
  });
  assert.deepEqual(embeddedMetrics(line), [
    { namespace: "Updraft", name: "CompleteSweep", dimensions: { Stack: "updraft" }, value: 1, time: 5 },
  ]);
  for (const other of ["plain", "{", '{"a":1}', `2026-11-22T00:00:00Z\tid\tINFO\t${line}`])
    assert.deepEqual(embeddedMetrics(other), []);
});
